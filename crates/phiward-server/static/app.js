// Live pages: on a change, the page is fetched again and only the parts that differ are replaced. Without this
// script everything works, a reload shows what is new.
(() => {
  "use strict";
  const DEBOUNCE = 80, EVERY = 60000, RETRY = 5000;
  const parts = (root) => new Map([...root.querySelectorAll("[data-live]")].map((e) => [e.dataset.live, e]));
  // As the server sent them, before the reader opened or closed anything.
  const sent = new Map([...parts(document)].map(([name, e]) => [name, e.outerHTML]));
  let after = document.body.dataset.after || "0";
  let source = null, timer = 0, running = false, again = false, lostAt = null, retry = 0;

  const light = document.getElementById("live");
  function show(live) {
    if (!light) return;
    if (live) lostAt = null; else lostAt = lostAt || new Date();
    const at = lostAt && lostAt.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const text = live ? "Live" : "Lost since " + at;
    light.hidden = false;
    light.className = live ? "on" : "lost";
    const label = light.querySelector("span");
    if (label.textContent !== text) label.textContent = text;
  }

  // What the reader opened or closed by hand stays so.
  function keepOpen(old, fresh) {
    const was = new Map([...old.querySelectorAll("details[data-key]")].map((d) => [d.dataset.key, d.open]));
    for (const d of fresh.querySelectorAll("details[data-key]")) if (was.has(d.dataset.key)) d.open = was.get(d.dataset.key);
  }
  function keepScroll(old, fresh) {
    const from = old.querySelectorAll(".scroll, pre"), to = fresh.querySelectorAll(".scroll, pre");
    if (from.length === to.length) from.forEach((e, i) => { to[i].scrollLeft = e.scrollLeft; to[i].scrollTop = e.scrollTop; });
  }
  function focusPath(inside) {
    const e = document.activeElement;
    if (!e || !inside.contains(e)) return null;
    const like = e.id ? "#" + CSS.escape(e.id) : e.getAttribute("href") ? `[href="${CSS.escape(e.getAttribute("href"))}"]` : e.localName;
    return { like, index: [...inside.querySelectorAll(like)].indexOf(e) };
  }

  function replace(html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    const here = parts(document), there = parts(page);
    for (const [name, old] of here) if (!there.has(name)) { old.remove(); sent.delete(name); }
    // From last to first, so that a part that appears goes before the one that follows it.
    let next = null;
    for (const [name, fresh] of [...there].reverse()) {
      const old = here.get(name), known = sent.get(name), text = fresh.outerHTML;
      if (old && known === text) { next = old; continue; }
      const node = document.importNode(fresh, true);
      sent.set(name, text);
      copyButtons(node);
      if (!old) {
        if (next) next.before(node); else document.querySelector("main").append(node);
      } else {
        const focus = focusPath(old), top = scrollY;
        keepOpen(old, node);
        old.replaceWith(node);
        keepScroll(old, node);
        if (focus) node.querySelectorAll(focus.like)[focus.index]?.focus({ preventScroll: true });
        if (scrollY !== top) scrollTo(scrollX, top);
      }
      // Times alone do not light up.
      const still = (s) => s.replace(/<time[^]*?<\/time>/g, "");
      if (old && name !== "last" && name !== "nav" && still(known) !== still(text)) node.classList.add("fresh");
      next = node;
    }
    document.title = page.title;
  }

  async function refresh() {
    if (running) { again = true; return; }
    running = true;
    const begun = performance.now();
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, cache: "no-cache" });
      if (answer.ok) replace(await answer.text());
    } catch { /* the stream says when the server is gone */ }
    // A server that is busy is not asked more often than it can answer.
    const rest = Math.min(2000, 2 * (performance.now() - begun));
    setTimeout(() => { running = false; if (again) { again = false; refresh(); } }, rest);
  }
  function soon() { clearTimeout(timer); timer = setTimeout(refresh, DEBOUNCE); }

  function connect() {
    if (source) return;
    clearTimeout(retry);
    source = new EventSource("/api/v1/events?after=" + encodeURIComponent(after));
    const changed = (e) => { if (e.lastEventId) after = e.lastEventId; };
    source.addEventListener("hello", (e) => { changed(e); if (lostAt) soon(); show(true); });
    source.addEventListener("change", (e) => { changed(e); soon(); });
    source.addEventListener("resync", (e) => { changed(e); soon(); });
    source.onerror = () => { show(false); if (source && source.readyState === 2) { source = null; retry = setTimeout(connect, RETRY); } };
  }
  // A hidden page gives its connection back: browsers allow few to one host.
  function seen() {
    if (document.hidden) { clearTimeout(retry); if (source) source.close(); source = null; } else { connect(); soon(); }
  }

  function copyButtons(root) {
    if (!navigator.clipboard) return;
    for (const b of root.querySelectorAll("button.copy")) {
      b.hidden = false;
      b.onclick = () => navigator.clipboard.writeText(b.parentNode.querySelector("code").textContent).then(() => {
        b.textContent = "Copied";
        setTimeout(() => { b.textContent = "Copy"; }, 1500);
      });
    }
  }
  // A link to a finding opens it.
  function target() {
    const e = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let d = e; d; d = d.parentElement) if (d.localName === "details") d.open = true;
    if (e) e.scrollIntoView();
  }

  copyButtons(document);
  document.querySelector(".links [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  addEventListener("hashchange", target);
  document.addEventListener("visibilitychange", seen);
  setInterval(() => { if (!document.hidden) refresh(); }, EVERY);
  if (!document.hidden) connect();
  target();
})();
