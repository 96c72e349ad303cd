// Keeps a live page up to date: asks its own server every second what changed, and replaces those parts.
"use strict";
(() => {
  const connection = document.getElementById("connection");
  const address = location.pathname.replace(/\/$/, "") + "/parts?since=";
  const pending = new Map();
  let since = connection.dataset.version;

  const element = html => {
    const holder = document.createElement("template");
    holder.innerHTML = html;
    return holder.content.firstElementChild;
  };
  // A part in which the reader selects text or types waits.
  const isInUse = part => {
    const selection = getSelection();
    const touches = selection && !selection.isCollapsed && (part.contains(selection.anchorNode) || part.contains(selection.focusNode));
    return touches || (part.contains(document.activeElement) && /^(INPUT|SELECT)$/.test(document.activeElement.tagName));
  };
  const kept = (old, fresh) => {
    const pairs = selector => [...old.querySelectorAll(selector)].map((one, i) => [one, fresh.querySelectorAll(selector)[i]]).filter(([, other]) => other);
    for (const [one, other] of pairs("details:not([data-of])")) other.open = one.open;
    // What belongs to a run may have another place in the new part.
    const open = new Set([...old.querySelectorAll("details[data-of][open]")].map(one => one.dataset.of));
    for (const one of fresh.querySelectorAll("details[data-of]")) one.open = open.has(one.dataset.of);
    return pairs(".scroll, .results, pre").map(([one, other]) => [other, one.scrollLeft, one.scrollTop]);
  };
  const renew = (old, fresh) => {
    const places = kept(old, fresh);
    const focused = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    old.replaceWith(fresh);
    document.dispatchEvent(new CustomEvent("renewed", { detail: { old, fresh } }));
    for (const [part, left, top] of places) { part.scrollLeft = left; part.scrollTop = top; }
    if (focused) [...fresh.querySelectorAll("a")].find(link => link.getAttribute("href") === focused)?.focus({ preventScroll: true });
  };
  const arrange = (list, names) => {
    const place = document.getElementById(list);
    if (!place) return;
    const wanted = new Set(names);
    for (const child of [...place.children]) if (!wanted.has(child.id)) child.remove();
    const isSorted = place.closest("table")?.querySelector("[aria-sort]");
    names.forEach((name, i) => {
      let part = document.getElementById(name);
      if (!part && pending.has(name)) {
        part = element(pending.get(name));
        pending.delete(name);
        place.insertBefore(part, place.children[i] || null);
      } else if (part && !isSorted && place.children[i] !== part) place.insertBefore(part, place.children[i] || null);
    });
    place.closest("table")?.filter?.();
  };
  const apply = answer => {
    for (const [name, html] of Object.entries(answer.parts)) pending.set(name, html);
    for (const [list, names] of Object.entries(answer.lists)) arrange(list, names);
    since = answer.version;
  };
  const settle = () => {
    for (const [name, html] of [...pending]) {
      const old = document.getElementById(name);
      // A part whose list is still to come waits for it.
      if (!old || isInUse(old)) continue;
      pending.delete(name);
      renew(old, element(html));
    }
  };
  const say = text => { if (connection.textContent !== text) connection.textContent = text; };
  const ask = async () => {
    let wait = document.hidden ? 5000 : 1000;
    try {
      const answer = await fetch(address + encodeURIComponent(since), { cache: "no-store" });
      if (answer.status === 200) apply(await answer.json());
      else if (answer.status !== 204) throw new Error(String(answer.status));
      settle();
      say("This page is up to date.");
    } catch {
      wait = 3000;
      say("The server does not answer, so this page shows the last state that it has. Start watch again to go on.");
    }
    setTimeout(ask, wait);
  };
  ask();
})();
