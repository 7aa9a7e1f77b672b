"""One Kafka node, broker and controller in one JVM, with a folder of its own. Nothing of it outlives its folder."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from services.runtime.broker import serves
from services.stack import processes
from services.stack.data import write
from services.stack.java import Java
from services.stack.ports import HERE
from services.stack.processes import Identity
from services.stack.trouble import TroubleError

_HEAP = ("-Xms128m", "-Xmx512m")
# One serial collector and one compiler: on two shared cores a quick start and little memory beat peak speed.
_TUNING = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-XX:+ExitOnOutOfMemoryError")
_LARGEST_MESSAGE = 8 * 1024 * 1024
_STOP_WITHIN = 15.0
_LOOK_EVERY = 0.05
_BOOTSTRAP = "bootstrap.checkpoint"
_IDENTITY = """\
version=1
node.id=1
cluster.id={cluster}
directory.id={directory}
"""

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{advertised}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={log_dir}

# Topics stand in one table of ours: a misspelt name must fail, not become a topic.
auto.create.topics.enable=false
# Above every producer's max_request_size: an idempotent producer does not get over a refused batch.
message.max.bytes={largest_message}
replica.fetch.max.bytes={largest_message}

offsets.topic.num.partitions=8
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1

# A group's first member need not wait for others: we start them all at once, and static members keep their places.
group.initial.rebalance.delay.ms=0
# After kill -9 the node's own former self must expire before it may register: 9 s by default.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# The default takes a quarter of our heap for one buffer.
log.cleaner.dedupe.buffer.size=16777216
num.recovery.threads.per.data.dir=2
"""

_LOGGING = """\
status=error
appender.file.type=RollingFile
appender.file.name=file
appender.file.fileName={log}
appender.file.filePattern={log}.%i
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=%d{{ISO8601}} %p %c{{1}} %m%n
appender.file.policies.type=Policies
appender.file.policies.size.type=SizeBasedTriggeringPolicy
appender.file.policies.size.size=20MB
appender.file.strategy.type=DefaultRolloverStrategy
appender.file.strategy.max=2
rootLogger.level=WARN
rootLogger.appenderRef.file.ref=file
logger.server.name=kafka.server
logger.server.level=INFO
logger.configuration.name=org.apache.kafka.common.config
logger.configuration.level=ERROR
"""


@dataclass(frozen=True)
class Broker:
    """What it takes to run the node; the process itself belongs to whoever starts it."""

    folder: Path
    log: Path
    port: int
    controller_port: int
    java: Java
    classpath: tuple[Path, ...]
    host: str = HERE
    front: int | None = None
    """The port of what stands between this node and its clients; they are told that one instead."""

    @property
    def bootstrap(self) -> str:
        """Where it listens itself."""
        return f"{self.host}:{self.port}"

    @property
    def command(self) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.properties'}"
        return [*self._java(*_HEAP, *_TUNING, logging), "kafka.Kafka", str(self._properties)]

    @property
    def _properties(self) -> Path:
        return self.folder / "server.properties"

    @property
    def _marker(self) -> Path:
        return self._log_dir / "meta.properties"

    @property
    def _log_dir(self) -> Path:
        return self.folder / "log"

    def prepare(self) -> None:
        """Write its configuration, and format the folder the first time."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        write(self._properties, self._configuration())
        write(self.folder / "log4j2.properties", _LOGGING.format(log=self.log))
        # Formatting writes this file last, so a format that was cut off is done again.
        if not self._marker.exists():
            self._format()

    def start(self) -> RunningBroker:
        """Prepare and start it in a session of its own, and return at once."""
        self.prepare()
        with self.log.open("ab") as out:
            process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        return RunningBroker(self, process)

    def _configuration(self) -> str:
        return _PROPERTIES.format(
            host=self.host,
            port=self.port,
            advertised=self.front or self.port,
            controller_port=self.controller_port,
            log_dir=self._log_dir,
            largest_message=_LARGEST_MESSAGE,
        )

    def _format(self) -> None:
        """Make an empty node: a file of features, the same for every node of a version, and who this node is.

        The first is kept beside the jars: asking Kafka's tool for it costs a JVM, a second or two of each new start.
        """
        kept = self.classpath[0].parent / f"{_BOOTSTRAP}-{_version(self.classpath)}"
        if kept.exists():
            self._log_dir.mkdir(exist_ok=True)
            shutil.copyfile(kept, self._log_dir / _BOOTSTRAP)
            write(self._marker, _IDENTITY.format(cluster=_cluster_id(), directory=_cluster_id()))
            return
        self._format_by_tool()
        fresh = kept.with_name(f".{kept.name}-{os.getpid()}")
        shutil.copyfile(self._log_dir / _BOOTSTRAP, fresh)
        fresh.replace(kept)

    def _format_by_tool(self) -> None:
        tool = [*self._java(*_TUNING), "kafka.tools.StorageTool", "format", "--config", str(self._properties)]
        try:
            subprocess.run([*tool, f"--cluster-id={_cluster_id()}"], check=True, capture_output=True, text=True)
        except subprocess.CalledProcessError as problem:
            raise TroubleError(
                f"无法格式化 Kafka 的数据目录 {self.folder}：{problem.stderr}",
                f"could not format Kafka's folder {self.folder}: {problem.stderr}",
                fix=f"tongche doctor; 日志 / log: {self.log}",
            ) from problem

    def _java(self, *options: str) -> list[str]:
        return [str(self.java.path), *options, "-cp", ":".join(map(str, self.classpath))]


@dataclass
class RunningBroker:
    """A broker started by this very process; tests and tools use it, the supervisor has its own way."""

    broker: Broker
    process: subprocess.Popen[bytes]

    def wait_ready(self, seconds: float = 60) -> None:
        """Return when it serves; complain, naming its log, when it died or took too long."""
        deadline = time.monotonic() + seconds
        while not serves(self.broker.bootstrap):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise TroubleError(
                    f"Kafka 没有就绪（退出码 {self.process.returncode}）",
                    f"Kafka did not become ready (exit code {self.process.returncode})",
                    fix=f"日志 / log: {self.broker.log}",
                )
            time.sleep(_LOOK_EVERY)

    def stop(self) -> None:
        """Stop it cleanly; a broker that will not stop in time is killed."""
        if self.process.poll() is None:
            processes.end([Identity.of(self.process.pid)], _STOP_WITHIN)
        self.process.wait()

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()


def _version(classpath: tuple[Path, ...]) -> str:
    return next(jar.stem.rpartition("-")[2] for jar in classpath if jar.name.startswith("kafka_2.13-"))


def _cluster_id() -> str:
    # Kafka's notation of a UUID.
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
