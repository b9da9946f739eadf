// What the page can do better with a script: tell the desk what was read, and stop a comment that cannot be sent.
// Nothing on the page needs it.
"use strict";

const READ_AFTER = 1000; // milliseconds a message must be in view
const GATHER = 100; // milliseconds in which several messages make one request
const STEPS = Array.from({ length: 21 }, (_, step) => step / 20);

// A message was read when it stood in view for a second while someone was looking.
function watchReading(conversation) {
  const inView = new Set();
  const timers = new Map();
  let read = 0;
  let told = 0;
  let telling = 0;

  const looking = () => document.visibilityState === "visible" && document.hasFocus();

  function tell() {
    clearTimeout(telling);
    telling = 0;
    if (read <= told) return;
    told = read;
    const body = new URLSearchParams({ up_to: String(read) });
    fetch(conversation.dataset.read, { method: "POST", body, keepalive: true }).catch(() => { told = 0; });
  }

  function wasRead(position) {
    read = Math.max(read, position);
    telling ||= setTimeout(tell, GATHER);
  }

  function update() {
    for (const [entry, timer] of timers) {
      if (looking() && inView.has(entry)) continue;
      clearTimeout(timer);
      timers.delete(entry);
    }
    if (!looking()) return;
    for (const entry of inView) {
      const position = Number(entry.dataset.position);
      if (timers.has(entry) || position <= read) continue;
      timers.set(entry, setTimeout(wasRead, READ_AFTER, position));
    }
  }

  function moved(changes) {
    for (const { target, isIntersecting, intersectionRatio, intersectionRect } of changes) {
      const enough = intersectionRatio >= 0.5 || intersectionRect.height >= innerHeight / 2;
      if (isIntersecting && enough) inView.add(target);
      else inView.delete(target);
    }
    update();
  }

  const observer = new IntersectionObserver(moved, { threshold: STEPS });
  for (const entry of conversation.children) observer.observe(entry);
  document.addEventListener("visibilitychange", update);
  addEventListener("focus", update);
  addEventListener("blur", update);
  addEventListener("pagehide", tell);
}

// Says what is wrong before anything is sent, and sends once.
function watchWriting(form) {
  const { text, files } = form.elements;
  const error = form.querySelector("[role=alert]");
  const button = form.querySelector("button");

  function problem() {
    let octets = 0;
    for (const file of files.files) octets += file.size;
    const { maxFiles, maxOctets, tooLarge } = form.dataset;
    if (files.files.length > Number(maxFiles) || octets > Number(maxOctets)) return [files, tooLarge];
    if (!text.value.trim() && !files.files.length) return [text, form.dataset.empty];
    return [null, ""];
  }

  function show(field, sentence) {
    error.textContent = sentence;
    for (const control of [text, files]) {
      if (control === field) control.setAttribute("aria-invalid", "true");
      else control.removeAttribute("aria-invalid");
    }
    field?.focus();
  }

  form.addEventListener("submit", (event) => {
    const [field, sentence] = problem();
    show(field, sentence);
    if (field || button.getAttribute("aria-disabled")) event.preventDefault();
    else button.setAttribute("aria-disabled", "true");
  });
  files.addEventListener("change", () => {
    const [field, sentence] = problem();
    if (field === files) show(field, sentence);
    else show(null, "");
  });
  addEventListener("pageshow", () => button.removeAttribute("aria-disabled"));
}

const conversation = document.querySelector("[data-read]");
if (conversation) watchReading(conversation);
const form = document.querySelector("form[data-empty]");
if (form) watchWriting(form);
if (location.hash === "#added") document.getElementById("added").focus();
