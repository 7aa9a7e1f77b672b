// Keeps a page current: one stream of changes, told to htmx as the event "changed", at most once a second.
(() => {
  "use strict";
  const body = document.body;
  if (!("live" in body.dataset) || !document.getElementById("live")) return;

  const only = body.dataset.case;
  const address = only ? "/events?case=" + encodeURIComponent(only) : "/events";
  let waiting = false;
  const changed = () => {
    if (waiting) return;
    waiting = true;
    setTimeout(() => {
      waiting = false;
      body.dispatchEvent(new CustomEvent("changed"));
    }, only ? 250 : 1000);
  };

  let stream = null;
  const listen = () => {
    if (stream) return;
    stream = new EventSource(address);
    for (const kind of ["case", "delivery"]) stream.addEventListener(kind, changed);
    stream.onopen = () => body.classList.add("on");
    stream.onerror = () => body.classList.remove("on");
  };
  // A page that nobody looks at needs no stream; browsers allow few of them.
  const rest = () => {
    if (stream) stream.close();
    stream = null;
    body.classList.remove("on");
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return rest();
    listen();
    changed();
  });
  window.addEventListener("pagehide", rest);
  window.addEventListener("pageshow", listen);

  // What a reader had opened or closed stays so when its surroundings are replaced.
  const opened = new Map();
  body.addEventListener("toggle", (event) => {
    if (event.target.id) opened.set(event.target.id, event.target.open);
  }, true);
  body.addEventListener("htmx:afterSwap", (event) => {
    for (const each of event.target.querySelectorAll("details[id]")) {
      if (opened.has(each.id)) each.open = opened.get(each.id);
    }
  });

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    document.getElementById("q").focus();
  });
})();
