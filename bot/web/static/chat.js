/* The web chat, for old phones (ES2017). What a person writes lives in this page's memory until the server has it: in no
   storage of the browser, no address, no history. */
"use strict";

const LATE = 2000; // ms: then a message says that it is not saved yet
const HANGS = 15000; // ms: then an answer won't come; the same message goes again, under the same id
const SILENCE = 40000; // ms without even a heartbeat: the line is dead, though nobody told us
const SEEN = 500; // ms: then shown letters are confirmed, if nothing was said meanwhile
const LONGEST_WAIT = 15; // s between two tries

const id = (name) => document.getElementById(name);
const each = (selector, change, inside) => (inside || document).querySelectorAll(selector).forEach(change);
const on = (target, event, act) => target.addEventListener(event, act);
const aria = (element, name, value) => element.setAttribute("aria-" + name, value);
const page = JSON.parse(id("words").textContent);
const root = document.documentElement, log = id("log"), text = id("text"), line = id("line");
const remember = id("remember"), device = id("device"), dots = id("typing"), ended = id("ended"), foot = id("foot");
const atDesk = matchMedia("(hover: hover) and (pointer: fine)").matches; // else focus would pop up a keyboard

let words = page.words, language = page.language;
let life = 0; // counts sessions: whatever belongs to an older one stops
let leaving = false;
let queue = [], busy = false; // in order, one in flight
let letters = new Map(), newest = null; // letter id -> its article; the one that asks
let shown = [], telling = 0; // letters that the server does not know yet to be on the page; and a timer
let firstNew = null; // what came since the person last did something
let stream = null, backOnline = 0; // the open stream; how often the line came back
let dotsTimer = 0, lineTimer = 0;
const sleepers = new Set();

// ---- words ----

const word = (name) => words[name] || "";

function put(element, name) {
  element.dataset.word = name;
  element.textContent = word(name);
}

/* The page follows the bot into another language. */
async function speak(wanted) {
  if (wanted === language) return;
  const before = language;
  language = wanted; // at once: the letters that follow need not ask again
  try {
    const answer = await request("/chat/words?lang=" + encodeURIComponent(wanted), {}, HANGS).answer, got = await answer.json();
    if (language !== wanted) return;
    words = got.words;
    root.dir = got.dir;
    root.lang = language.replace("_", "-");
    document.title = word("title");
    text.placeholder = word("placeholder");
    each("[data-word]", (one) => put(one, one.dataset.word));
    each("[data-label]", (one) => aria(one, "label", word(one.dataset.label)));
    revealLast(); // other words, other heights
  } catch (_) {
    if (language === wanted) language = before; // the next letter asks again
  }
}

// ---- small things ----

function make(tag, name, content) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (content) element.textContent = content;
  return element;
}

function button(name, label, act) {
  const element = make("button", name, label);
  element.type = "button";
  on(element, "click", act);
  return element;
}

function number() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => ("0" + byte.toString(16)).slice(-2)).join("");
}

function pause(seconds, wakeable) {
  return new Promise((resolve) => {
    const timer = setTimeout(wake, seconds * 1000);
    function wake() {
      clearTimeout(timer);
      sleepers.delete(wake);
      resolve();
    }
    if (wakeable) sleepers.add(wake);
  });
}

function wakeAll() {
  sleepers.forEach((wake) => wake());
}

const waitAfter = (tries) => Math.min(2 ** (tries - 1), LONGEST_WAIT);

function request(path, options, hangs) {
  const stop = new AbortController();
  if (hangs) setTimeout(() => stop.abort(), hangs);
  const answer = fetch(path, Object.assign({ credentials: "same-origin", cache: "no-store", signal: stop.signal }, options));
  return { answer: answer, stop: () => stop.abort() };
}

function post(body) {
  return { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), keepalive: true };
}

/* One line above the composer: is the line down, are we too fast, is it back. */
function tell(name, seconds) {
  const atEnd = root.scrollHeight - innerHeight - pageYOffset < 150;
  clearTimeout(lineTimer);
  if (line.className !== name) put(line, name);
  line.className = name;
  if (atEnd) revealLast();
  if (seconds) lineTimer = setTimeout(() => tell(""), seconds * 1000);
}

const isDown = () => line.className === "offline";

function down(name) {
  tell(name);
  typing(false);
  queue.forEach((item) => state(item, "waiting"));
}

function up() {
  if (isDown()) tell("online", 4);
  else if (/slower|busy/.test(line.className)) tell("");
}

function typing(on) {
  clearTimeout(dotsTimer);
  if (!on) { dots.hidden = true; return; }
  dotsTimer = setTimeout(() => {
    dots.hidden = false;
    reveal(firstNew || dots);
    dotsTimer = setTimeout(() => typing(false), 20000); // nothing comes any more: no false hope
  }, 300);
}

// ---- what goes out ----

/* `item`: path, body; mark (where its state stands), done(answer), undo(). */
function send(item) {
  queue.push(item);
  if (item.mark) setTimeout(() => state(item, "waiting"), LATE);
  pump();
}

function state(item, name) {
  if (!item.mark || item.over) return;
  item.over = name === "saved" || name === "refused";
  if (name === "saved" && queue.some((other) => other.mark === item.mark)) return; // a box ticked a moment later still waits
  item.mark.className = "state " + name;
  put(item.mark, name);
}

async function pump() {
  if (busy) return;
  busy = true;
  const mine = life;
  let tries = 0;
  while (queue.length) {
    const item = queue[0], seen = shown.slice(0, 200);
    if (item.mark) item.body.seen = seen;
    let answer = null, said = {};
    try {
      answer = await request(item.path, post(item.body), HANGS).answer;
      said = Object(await answer.json());
    } catch (_) { /* the line is down, or so slow that it is as good as down */ }
    if (mine !== life) return; // the session ended meanwhile; a new pump has taken over
    if (answer && (answer.status === 409 || said.saved || "remembered" in said)) {
      tries = 0;
      queue.shift();
      up();
      state(item, "saved");
      if (item.mark) confirmed(seen);
      if (item.done) item.done(said);
    } else if (answer && answer.status === 401 && item.anew) {
      item.anew = false; // the cookie of what is over went with this answer
    } else if (answer && answer.status === 401) {
      end("left");
      return;
    } else if (item.mark && answer && answer.status >= 400 && answer.status < 500 && answer.status !== 429) {
      queue.shift();
      state(item, "refused");
      item.undo();
      typing(false);
    } else {
      tries += 1;
      down(!answer ? "offline" : answer.status === 429 ? "slower" : "busy");
      const asked = answer ? parseInt(answer.headers.get("Retry-After"), 10) : 0;
      await pause(asked > 0 ? Math.min(asked, 120) : waitAfter(tries), !answer);
      if (mine !== life) return;
    }
  }
  busy = false;
}

function hello(start, anew) {
  typing(true);
  send({
    anew: anew,
    path: "/chat/hello",
    body: { id: number(), lang: language, start: start },
    done: (said) => {
      showRemembered(said.session === "new" ? null : said.remembered);
      if (said.session === "new") remember.hidden = false;
      aria(device, "expanded", !remember.hidden);
      listen();
    },
  });
}

function say(value, label, message) {
  const bubble = make("div", "me");
  aria(bubble, "live", "off"); // they know what they wrote; only answers are read out
  bubble.setAttribute("translate", "no"); // a browser's translator would send their words elsewhere
  bubble.append(speaker("you"), wording(label || value, "auto"));
  const mark = bubble.appendChild(make("p", "state"));
  log.append(bubble);
  const item = said(value, message, mark);
  firstNew = null;
  reveal(bubble);
  typing(!isDown());
  return item;
}

function said(value, message, mark) {
  const body = { id: number(), kind: message ? "press" : "text", value: value, message: message || "" };
  const item = { path: "/chat/say", body: body, mark: mark, undo: () => {} };
  state(item, isDown() ? "waiting" : "sending");
  return item;
}

function press(article, button) {
  if (isOver(button)) return;
  const letter = article.letter;
  const box = button.classList.contains("box");
  if (box || /\.(earlier|later)$/.test(button.value)) { // the message itself changes; nothing is said
    firstNew = null;
    const mark = article.querySelector(".state") || article.appendChild(make("p", "state"));
    aria(mark, "live", "off");
    if (box) aria(button, "pressed", button.getAttribute("aria-pressed") !== "true");
    const item = said(button.value, String(letter.id), mark);
    item.undo = () => fill(article, letter);
    send(item);
    return;
  }
  quiet(article, true);
  button.classList.add("chosen");
  const item = say(button.value, button.getAttribute("aria-label") || button.textContent, String(letter.id));
  item.undo = () => { button.classList.remove("chosen"); quiet(article, article !== newest); };
  send(item);
}

function confirmed(seen) {
  shown = shown.filter((each) => seen.indexOf(each) < 0);
}

function confirm() {
  clearTimeout(telling);
  telling = setTimeout(() => { if (!document.hidden && !queue.some((item) => item.mark)) confirmNow(); }, SEEN);
}

async function confirmNow() {
  const seen = shown.slice(0, 200);
  if (!seen.length) return;
  try { // a 401 ends nothing here: the last letter, that all is erased, wants to be read
    const answer = await request("/chat/seen", post({ seen: seen })).answer;
    if (answer.ok) confirmed(seen);
  } catch (_) { /* what is not confirmed comes again, and is confirmed then */ }
}

// ---- what comes in ----

/* Server-sent events, read by fetch: EventSource would hide the heartbeats and the 401. */
async function listen() {
  const mine = life;
  let tries = 0;
  for (;;) {
    let heard = Date.now(), status = 0;
    const before = backOnline;
    const call = stream = request("/chat/letters");
    const guard = setInterval(() => { if (Date.now() - heard > SILENCE) call.stop(); }, 1000);
    try {
      const answer = await call.answer;
      status = answer.status;
      if (answer.ok) {
        const reader = answer.body.getReader(), decoder = new TextDecoder();
        let rest = "";
        up();
        for (;;) {
          const part = await reader.read();
          if (part.done || mine !== life) break;
          heard = Date.now();
          tries = 0;
          const blocks = (rest + decoder.decode(part.value, { stream: true })).split(/\r?\n\r?\n/);
          rest = blocks.pop();
          blocks.forEach(take);
        }
      }
    } catch (_) { /* below */ }
    clearInterval(guard);
    call.stop();
    if (mine !== life) return;
    tries += 1;
    if (status === 401) { // is the session over? hello knows, and listens again if not
      await pause(1);
      if (mine === life) hello("");
      return;
    }
    if (tries > 1 || !navigator.onLine) down(status ? "busy" : "offline");
    if (before === backOnline) await pause(waitAfter(tries), true);
  }
}

function take(block) {
  if (!ended.hidden) return;
  let event = "message", data = "";
  block.split(/\r?\n/).forEach((each) => {
    if (each.indexOf("event:") === 0) event = each.slice(6).trim();
    if (each.indexOf("data:") === 0) data += each.slice(5);
  });
  if (event === "letter") show(JSON.parse(data));
  if (event === "ended") end(JSON.parse(data).why);
}

function show(letter) {
  if (shown.indexOf(letter.id) < 0) shown.push(letter.id);
  confirm();
  if (letters.has(String(letter.id))) return; // the stream says again what we have not confirmed
  speak(letter.language);
  typing(false);
  const known = letter.replaces && letters.get(letter.replaces);
  if (known) {
    letters.set(String(letter.id), known);
    if (letter.id > known.letter.id) fill(known, letter);
    return;
  }
  const article = make("article", "bot");
  article.append(speaker("bot"));
  letters.set(String(letter.id), article);
  fill(article, letter);
  if (letter.rows.length || letter.typing) {
    if (newest) quiet(newest, true);
    newest = article;
  }
  log.append(article);
  firstNew = firstNew || article;
  reveal(firstNew);
  if (letter.typing) expectWords(article);
}

/* What the question is about, drawn; the words below say it too. */
function picture(path) {
  const image = make("img", "picture");
  image.alt = "";
  on(image, "load", revealLast);
  on(image, "error", () => image.remove());
  image.src = path;
  return image;
}

function fill(article, letter) {
  const codes = (one) => JSON.stringify(one.rows.map((row) => row.map((choice) => code(choice.data))));
  const old = article.letter;
  article.letter = letter;
  article.lang = letter.language.replace("_", "-");
  article.dir = letter.dir;
  if (!old || old.text !== letter.text) {
    const words = wording(letter.text, letter.dir);
    words.id = "letter-" + letter.id;
    const before = article.querySelector(".words");
    if (before) before.replaceWith(words);
    else article.append(words);
    if (letter.document) article.append(file(letter.document));
    if (letter.picture) words.before(picture(letter.picture));
  }
  if (old && codes(old) === codes(letter)) { // only labels changed: the focus stays, and nothing is read out again
    const choices = [].concat.apply([], letter.rows).filter(isButton);
    choicesOf(article, (button, at) => dress(button, choices[at]));
    return;
  }
  const focused = document.activeElement, mark = article.querySelector(".state");
  const held = article.contains(focused) && focused.value; // whoever turns pages by keyboard stays on that button
  each(".rows", (old) => old.remove(), article);
  if (letter.rows.length) {
    const rows = article.insertBefore(make("div", "rows"), mark);
    rows.setAttribute("role", "group");
    aria(rows, "labelledby", article.querySelector(".words").id);
    letter.rows.forEach((row) => rows.append(buttons(article, row)));
    if (held) choicesOf(article, (button) => { if (button.value === held) button.focus(); });
  }
}

const choicesOf = (article, change) => each(".row button", change, article);
const code = (data) => data.split(":").pop();
const isButton = (choice) => code(choice.data) !== ".blank";
const dayOf = (name) => new Date(name.slice(1) + "T12:00").toLocaleDateString(language.replace("_", "-") + "-u-ca-gregory-nu-latn", { weekday: "long", day: "numeric", month: "long", year: "numeric" });

function buttons(article, row) {
  const element = make("div", row.length > 2 ? "row week" : row.length > 1 ? "row two" : "row");
  row.forEach((choice) => {
    if (!isButton(choice)) { // a name above a calendar, or a cell of it that is no day
      element.append(make("span", "cell", choice.label === "\u00b7" ? "" : choice.label));
      return;
    }
    const option = element.appendChild(button("", "", () => press(article, option)));
    on(option, "blur", () => { option.disabled = isOver(option); });
    dress(option, choice);
  });
  return element;
}

function dress(button, choice) {
  const box = /^([\u2610\u2611])\s*/.exec(choice.label); // an empty or a ticked box: CSS draws it, and it is told as pressed or not
  const label = box ? choice.label.slice(box[0].length) : choice.label, name = code(choice.data);
  button.value = choice.data;
  if (button.textContent !== label) button.textContent = label;
  button.className = (box ? "box" : "") + (/^\.(skip|decline|unknown|back|keep|close|earlier|later)$/.test(name) ? "steering" : "") + (name === ".done" ? "primary" : "");
  if (box) aria(button, "pressed", box[1] === "\u2611");
  if (/^d\d{4}-/.test(name)) aria(button, "label", dayOf(name));
}

/* Older buttons leave the eye and the tab order, but never from under somebody's finger: the focused one waits until it is left. */
function quiet(article, over) {
  article.classList.toggle("old", over);
  choicesOf(article, (button) => {
    aria(button, "disabled", over);
    button.disabled = over && button !== document.activeElement;
  });
}

const isOver = (element) => element.getAttribute("aria-disabled") === "true";

function speaker(who) {
  const name = make("p", "unseen");
  put(name, who);
  return name;
}

/* Plain text, in which addresses become links and /commands can be pressed. */
function wording(content, dir) {
  const words = make("p", "words");
  const special = /(https?:\/\/[^\s\u2066-\u2069]+)|(^|[\s\u200e\u200f\u2068])(\/[a-z]{2,32})(?![\w/])/g;
  let at = 0, found;
  words.dir = dir;
  while ((found = special.exec(content))) {
    let piece;
    if (found[1]) {
      const address = found[1].replace(/[.,;:!?)\]»”"']+$/, "");
      special.lastIndex = found.index + address.length;
      words.append(content.slice(at, found.index));
      piece = make("a", "", address);
      piece.href = address;
      piece.target = "_blank";
      piece.rel = "noopener noreferrer";
    } else {
      words.append(content.slice(at, found.index) + found[2]);
      piece = button("command", found[3], () => send(say(piece.textContent)));
    }
    piece.dir = "ltr";
    words.append(piece);
    at = special.lastIndex;
  }
  words.append(content.slice(at));
  return words;
}

function file(content) {
  return button("file", word("save-file").replace("{name}", "\u2068" + content.name + "\u2069"), () => {
    const kind = /\.ics$/.test(content.name) ? "text/calendar" : content.base64 ? "application/octet-stream" : "text/plain";
    const whole = content.base64 ? Uint8Array.from(atob(content.base64), (each) => each.charCodeAt(0)) : content.text;
    const address = URL.createObjectURL(new Blob([whole], { type: kind + ";charset=utf-8" }));
    const link = make("a");
    link.href = address;
    link.download = content.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10000); // an old phone needs a moment to write it down
  });
}

/* The beginning of what is new stands below the header; the end of it, if all of it fits. */
function reveal(element) {
  if (!remember.hidden && !log.querySelector(".me")) return; // the first screen is read from its top
  const top = element.getBoundingClientRect().top + pageYOffset - document.querySelector("header").offsetHeight - 12;
  scrollTo(0, Math.min(top, root.scrollHeight - innerHeight));
}

function revealLast() {
  if (log.lastElementChild) reveal(firstNew || log.lastElementChild);
}

function expectWords(article) {
  aria(text, "describedby", article.querySelector(".words").id);
  const focus = document.activeElement;
  if (atDesk && (focus === document.body || focus.disabled || isOver(focus))) text.focus({ preventScroll: true });
}

// ---- the end, and away ----

/* The conversation leaves the page at once; what was not saved is gone, and that is said. */
function end(why) {
  if (leaving || !ended.hidden) return;
  const unsaved = queue.some((item) => item.mark) || text.value.trim() !== "";
  forget();
  put(id("ended-why"), why === "idle" ? "ended-idle" : "ended-left");
  id("ended-unsaved").hidden = !unsaved;
  ended.hidden = false;
  log.hidden = foot.hidden = remember.hidden = device.hidden = true;
  id("ended-why").focus();
  scrollTo(0, 0);
}

function forget() {
  life += 1;
  if (stream) stream.stop();
  queue = [];
  busy = false;
  letters = new Map();
  newest = firstNew = null;
  shown = [];
  clearTimeout(telling);
  wakeAll();
  typing(false);
  tell("");
  log.textContent = text.value = "";
  text.removeAttribute("aria-describedby");
  grow();
}

function again() {
  ended.hidden = true;
  log.hidden = foot.hidden = device.hidden = false;
  hello(page.start, true);
  (atDesk ? text : log).focus();
}

function leave(event) {
  if (event) event.preventDefault();
  leaving = true;
  forget();
  request("/chat/leave", post({})).answer.catch(() => {});
  document.title = "\u200e";
  document.body.textContent = "";
  location.replace(page.exit);
}

on(window, "beforeunload", (event) => {
  if (leaving || !queue.some((item) => item.mark)) return;
  event.preventDefault();
  event.returnValue = "";
});

// ---- this device ----

function showRemembered(on) {
  aria(id("remember-yes"), "pressed", on === true);
  aria(id("remember-no"), "pressed", on === false);
}

function choose(on) {
  showRemembered(on);
  send({
    path: "/chat/remember",
    body: { on: on },
    done: (said) => {
      showRemembered(said.remembered);
      if (remember.contains(document.activeElement)) device.focus({ preventScroll: true });
      fold(true);
      tell(said.remembered ? "remembered" : "not-remembered", 6);
    },
  });
}

function fold(away) {
  remember.hidden = away;
  aria(device, "expanded", !away);
  if (away) revealLast();
  else {
    scrollTo(0, 0);
    id("remember-no").focus({ preventScroll: true });
  }
}

// ---- the composer ----

function grow() {
  text.style.height = "auto";
  text.style.height = text.scrollHeight + 2 + "px"; // and CSS has a highest
}

function submit(event) {
  event.preventDefault();
  const value = text.value.trim();
  if (!value) { text.focus(); return; }
  text.value = "";
  grow();
  send(say(value));
}

on(id("composer"), "submit", submit);
on(text, "input", grow);
on(text, "keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229) submit(event);
});
on(document.querySelector(".send"), "mousedown", (event) => event.preventDefault()); // the phone's keyboard stays open
on(id("remember-yes"), "click", () => choose(true));
on(id("remember-no"), "click", () => choose(false));
on(device, "click", () => fold(!remember.hidden));
on(id("again"), "click", again);
on(id("leave"), "submit", leave);

let escapes = [];
on(document, "keydown", (event) => {
  if (event.key !== "Escape") { escapes = []; return; }
  escapes = escapes.concat(Date.now()).slice(-3);
  if (escapes.length === 3 && escapes[2] - escapes[0] < 1500) leave();
});

on(window, "online", () => {
  backOnline += 1;
  if (stream) stream.stop(); // it may look alive and be dead
  wakeAll();
});
on(window, "offline", () => down("offline"));
on(document, "visibilitychange", () => {
  if (!document.hidden) { wakeAll(); confirm(); }
});
on(window, "pagehide", () => {
  document.body.hidden = true; // Back must not flash what stood here
  confirmNow(); // and a reload must not show it twice
});
on(window, "pageshow", (event) => { if (event.persisted) location.reload(); });

const view = window.visualViewport; // iOS lays its keyboard over the page instead of making the page smaller
if (view) ["resize", "scroll"].forEach((event) => on(view, event, () => {
  const hidden = view.scale > 1.01 ? 0 : innerHeight - view.height - view.offsetTop;
  root.style.setProperty("--keyboard", Math.max(0, Math.round(hidden)) + "px");
}));
on(window, "resize", () => { if (document.activeElement === text) revealLast(); });

text.value = "";
foot.hidden = device.hidden = false;
hello(page.start);
