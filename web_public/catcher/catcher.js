// New mail appears by itself. Without a script the page is reloaded by hand.
"use strict";

const EVERY = 1000; // milliseconds
const boxes = document.getElementById("boxes");

async function look() {
  const newest = await (await fetch("/demo/newest")).text();
  if (newest === boxes.dataset.newest) return;
  const page = new DOMParser().parseFromString(await (await fetch("/demo")).text(), "text/html");
  const fresh = page.getElementById("boxes");
  if (fresh === null) return;
  const focused = boxes.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  boxes.replaceChildren(...fresh.childNodes);
  boxes.dataset.newest = fresh.dataset.newest;
  if (focused) boxes.querySelector(`a[href="${focused}"]`)?.focus();
}

async function keepLooking() {
  if (!document.hidden) await look().catch(() => {}); // the demo was stopped, or is starting again
  setTimeout(keepLooking, EVERY);
}

if (boxes) keepLooking();
