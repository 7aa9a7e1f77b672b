#!/usr/bin/env bash
# A subscriber follows one of its topics with kcat, from a shell: for looking, or for a job that runs now and then.
#
#     TONGCHE_KAFKA=127.0.0.1:9092 TOPIC=to.tax-office.sale.events ./e05_subscribe_kcat.sh
#
# Reads what is new to it and ends. Its place in each partition stands in files of its own, written after the work:
# kcat's groups commit by themselves, what the shell behind it may never have dealt with. Needs kcat and jq. What is
# sealed stays sealed here: hand `.sealed` to a tool that opens a JWE. One line a message, no value of it:
#
#     0190a000-… tongche.sale.confirmed.v3 LZZTEST05TA000001 buyer.region vin sealed lost: …
set -euo pipefail

kafka=${TONGCHE_KAFKA:-127.0.0.1:9092}
topic=${TOPIC:-to.tax-office.sale.events}
books=${BOOKS:-books}
mkdir -p "$books"
touch "$books/done"

# Yours. Ignore what you do not know, and expect nothing that you may not see.
work() {
  jq -r '(.headers as $h | [range(0; $h | length; 2)] | map({key: $h[.], value: $h[. + 1]}) | from_entries) as $ce
    | (.payload | fromjson) as $told
    | [$told | paths(type != "object")] | map(join(".")) | sort as $names
    | [$ce.ce_id, $ce.ce_type, $told.vin // "-"] + $names + (if $ce.ce_lost then ["lost: " + $ce.ce_lost] else [] end)
    | join(" ")'
}

take() {
  local record=$1 id
  id=$(jq -r '(.headers // []) as $h | ($h | index("ce_id")) as $i | if $i then $h[$i + 1] else "" end' <<<"$record")
  # The same message may come twice; its id never changes.
  if [ -n "$id" ] && grep -qxF -- "$id" "$books/done"; then
    return
  fi
  # What no trial would mend is passed over aloud.
  work <<<"$record" 2>/dev/null || echo "skipped $(jq -r '"\(.topic)/\(.partition)/\(.offset)"' <<<"$record")" >&2
  echo "$id" >>"$books/done"
}

for partition in $(kcat -b "$kafka" -L -J -t "$topic" | jq '.topics[0].partitions[].partition'); do
  place="$books/$topic.$partition"
  from=$(cat "$place" 2>/dev/null || echo beginning)
  kcat -b "$kafka" -C -q -e -J -t "$topic" -p "$partition" -o "$from" | while read -r record; do
    take "$record"
    # After the work, never before.
    jq '.offset + 1' <<<"$record" >"$place.new" && mv "$place.new" "$place"
  done
done
