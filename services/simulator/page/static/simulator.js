// Keeps a page current: one stream that says that there is something new; what is new is asked for once a half second.
(() => {
  "use strict";
  const live = document.getElementById("live");
  if (!live) return;

  const EVERY = 500;
  // Moods change although nobody asks for anything.
  const IN_ANY_CASE = 3000;
  let waiting = false;
  let stream = null;

  const refresh = async () => {
    const got = await fetch(live.dataset.from, { cache: "no-store" });
    if (got.status === 401) return location.assign("/_login");
    if (!got.ok) return;
    const focused = document.activeElement && document.activeElement.id;
    live.innerHTML = await got.text();
    // What is replaced would lose the keyboard.
    if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus();
  };
  const changed = () => {
    if (waiting) return;
    waiting = true;
    setTimeout(() => {
      waiting = false;
      refresh().catch(() => document.body.classList.remove("on"));
    }, EVERY);
  };

  const listen = () => {
    if (stream) return;
    stream = new EventSource("/_events");
    stream.addEventListener("changed", changed);
    stream.onopen = () => document.body.classList.add("on");
    stream.onerror = () => document.body.classList.remove("on");
  };
  // A page that nobody looks at needs no stream; browsers allow few of them.
  const rest = () => {
    if (stream) stream.close();
    stream = null;
    document.body.classList.remove("on");
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return rest();
    listen();
    changed();
  });
  window.addEventListener("pagehide", rest);
  window.addEventListener("pageshow", listen);
  setInterval(() => { if (stream) changed(); }, IN_ANY_CASE);
})();
