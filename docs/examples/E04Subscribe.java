// A subscriber follows its own topics with kafka-clients, and opens what was sealed for it with jose4j.
//
//     TONGCHE_KAFKA=127.0.0.1:9092 TOPICS="to.tax-office.sale.events" KEY=my-private-jwk.json \
//         java -cp 'jars/*' E04Subscribe.java
//
// In jars/, as Maven resolves them with what they need: org.apache.kafka:kafka-clients,
// com.fasterxml.jackson.core:jackson-databind, org.bitbucket.b_c:jose4j. JDK 17 or newer; nothing else.
// One line a message, with the names of what it held and never a value of it; "+" marks what had been sealed:
//
//     0190a000-… tongche.sale.confirmed.v3 LZZTEST05TA000001 +buyer.buyer_name buyer.region vin lost: …

import static java.nio.file.StandardOpenOption.APPEND;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.SYNC;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.jose4j.jwa.AlgorithmConstraints;
import org.jose4j.jwa.AlgorithmConstraints.ConstraintType;
import org.jose4j.jwe.JsonWebEncryption;
import org.jose4j.jwk.PublicJsonWebKey;
import org.jose4j.lang.JoseException;

public class E04Subscribe {
    static final ObjectMapper JSON = new ObjectMapper();
    static final AlgorithmConstraints AGREEMENT =
            new AlgorithmConstraints(ConstraintType.PERMIT, "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW");
    static final AlgorithmConstraints CONTENT = new AlgorithmConstraints(ConstraintType.PERMIT, "A256GCM");

    public static void main(String[] arguments) throws Exception {
        var topics = List.of(setting("TOPICS", "to.tax-office.sale.events").split(" +"));
        var keyFile = System.getenv("KEY");
        var key = keyFile == null ? null : PublicJsonWebKey.Factory.newPublicJwk(Files.readString(Path.of(keyFile)));
        var books = Path.of(setting("BOOKS", "books.ids"));
        var done = new HashSet<>(Files.exists(books) ? Files.readAllLines(books) : List.of());
        try (var consumer = new KafkaConsumer<byte[], byte[]>(settings())) {
            consumer.subscribe(topics);
            while (true) {
                for (var record : consumer.poll(Duration.ofSeconds(1))) {
                    take(record, key, done, books);
                }
                // After the work, never before: whoever dies in between gets the same messages again.
                consumer.commitSync();
            }
        }
    }

    static Map<String, Object> settings() {
        return Map.of(
                "bootstrap.servers", setting("TONGCHE_KAFKA", "127.0.0.1:9092"),
                // Who shares a group shares the work; another group gets everything as well.
                "group.id", setting("GROUP", "my-books"),
                "enable.auto.commit", false,
                "auto.offset.reset", "earliest",
                // A misspelt name must not become a topic.
                "allow.auto.create.topics", false,
                "key.deserializer", ByteArrayDeserializer.class,
                "value.deserializer", ByteArrayDeserializer.class);
    }

    /** Does the work of one message, once: the same may come twice, its id never changes. A wrong key stops us. */
    static void take(ConsumerRecord<byte[], byte[]> record, PublicJsonWebKey key, Set<String> done, Path books)
            throws IOException, JoseException {
        var id = header(record, "ce_id");
        var type = header(record, "ce_type");
        if (id.isEmpty() || type.isEmpty() || !(parsed(record.value()) instanceof ObjectNode told)) {
            // Trying again would not mend it: say so, and go on.
            System.err.printf("skipped %s/%d/%d%n", record.topic(), record.partition(), record.offset());
            return;
        }
        if (done.contains(id)) {
            return;
        }
        var opened = key != null && told.has("sealed") ? open(told.remove("sealed").asText(), key) : "{}";
        work(id, type, told, JSON.readTree(opened), header(record, "ce_lost"));
        // In one transaction with the work where it goes into a database of yours.
        Files.writeString(books, id + "\n", CREATE, APPEND, SYNC);
        done.add(id);
    }

    /** Yours. Ignore what you do not know, and expect nothing that you may not see. */
    static void work(String id, String type, JsonNode told, JsonNode opened, String lost) {
        var held = new TreeSet<>(Comparator.comparing((String name) -> name.replaceFirst("^\\+", "")));
        names(told, "", held);
        names(opened, "+", held);
        var whose = told.path("vin").asText("-");
        System.out.println(String.join(" ", id, type, whose, String.join(" ", held))
                + (lost.isEmpty() ? "" : " lost: " + lost));
    }

    static String open(String token, PublicJsonWebKey key) throws JoseException {
        var envelope = new JsonWebEncryption();
        envelope.setAlgorithmConstraints(AGREEMENT);
        envelope.setContentEncryptionAlgorithmConstraints(CONTENT);
        envelope.setCompactSerialization(token);
        envelope.setKey(key.getPrivateKey());
        return envelope.getPayload();
    }

    static void names(JsonNode told, String before, Set<String> into) {
        told.properties().forEach(field -> {
            var name = before + field.getKey();
            if (field.getValue().isObject()) {
                names(field.getValue(), name + ".", into);
            } else {
                into.add(name);
            }
        });
    }

    static JsonNode parsed(byte[] value) {
        try {
            return value == null ? null : JSON.readTree(value);
        } catch (IOException unreadable) {
            return null;
        }
    }

    static String header(ConsumerRecord<byte[], byte[]> record, String name) {
        var found = record.headers().lastHeader(name);
        return found == null || found.value() == null ? "" : new String(found.value(), StandardCharsets.UTF_8);
    }

    static String setting(String name, String otherwise) {
        return System.getenv().getOrDefault(name, otherwise);
    }
}
