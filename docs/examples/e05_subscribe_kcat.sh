#!/usr/bin/env bash
# A subscriber follows one of its topics with kcat, from a shell: for looking, or for a job that runs now and then.
#
#     TONGCHE_KAFKA=127.0.0.1:9092 TOPIC=to.tax-office.sale.events ./e05_subscribe_kcat.sh
#
# Reads what is new to it and ends. Its place in each partition stands in files of its own, written after the work:
# kcat's groups commit by themselves, what the shell behind it may never have dealt with. Needs kcat and jq. What is
# sealed stays sealed here: hand `.sealed` to a tool that opens a JWE. One line a message, no value of it:
#
#     0190a000-… tongche.sale.confirmed.v3 LZZTEST05TA000001 buyer.region sealed vin lost: …
set -euo pipefail

kafka=${TONGCHE_KAFKA:-127.0.0.1:9092}
topic=${TOPIC:-to.tax-office.sale.events}
books=${BOOKS:-books}
mkdir -p "$books"
touch "$books/done"

# Each record as: the offset after it, its id, and what is to be told of it; that is empty where it is no message.
# Ignore what you do not know, and expect nothing that you may not see.
messages() {
  jq -r --unbuffered '(.headers // []) as $h
    | ([range(0; $h | length; 2)] | map({key: $h[.], value: $h[. + 1]}) | from_entries) as $ce
    | (try (.payload | fromjson) catch null) as $told
    | [.offset + 1, $ce.ce_id // "-",
       if ($told | type) != "object" or $ce.ce_id == null or $ce.ce_type == null then "" else
         [$ce.ce_id, $ce.ce_type, $told.vin // "-"]
         + ([$told | paths(type != "object")] | map(map(tostring) | join(".")) | sort)
         + (if $ce.ce_lost then ["lost: " + $ce.ce_lost] else [] end) | join(" ")
       end]
    | @tsv'
}

take() {
  local id=$1 told=$2
  if [ -z "$told" ]; then
    # No trial would mend it: say so, and go on.
    echo "skipped $topic/$partition/$((next - 1))" >&2
  elif ! grep -qxF -- "$id" "$books/done"; then
    # Yours. The same message may come twice; its id never changes.
    echo "$told"
    echo "$id" >>"$books/done"
  fi
}

for partition in $(kcat -b "$kafka" -L -J -t "$topic" | jq '.topics[0].partitions[].partition'); do
  place="$books/$topic.$partition"
  from=$(cat "$place" 2>/dev/null || echo beginning)
  kcat -b "$kafka" -C -q -e -J -t "$topic" -p "$partition" -o "$from" | messages |
    while IFS=$'\t' read -r next id told; do
      take "$id" "$told"
      # After the work, never before.
      echo "$next" >"$place.new"
      mv "$place.new" "$place"
    done
done
