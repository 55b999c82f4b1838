// A pod's log in the page while it is written. Loaded by portal.js where a page shows one ([data-log]).
// A browser opens six connections to one server. So a tab holds a stream only while it is looked at, at most four tabs
// of a browser hold one at a time, and the others look in by turns.
(function () {
  "use strict";
  var MOST_LINES = 5000, MOST_CHARACTERS = 4000000;
  var STREAMS = 4, LOOK_MS = 1500, LOOK_AGAIN_MS = 3000, SEARCH_MS = 150, NEAR_END_PX = 32;
  // Whoever comes back after this time wants the end of the log, not hours of it.
  var LONG_AWAY_MS = 1800000;
  var RETRY_MS = [1000, 2000, 4000, 8000, 15000];
  var isPersian = document.documentElement.lang !== "en";
  var counted = new Intl.NumberFormat(isPersian ? "fa-IR" : "en");
  var clock = new Intl.DateTimeFormat(isPersian ? "fa-IR" : "en-GB",
    { timeZone: "Asia/Tehran", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
  var log = null;

  function timeOf(at) {
    var second = at.slice(0, 19);
    if (timeOf.second !== second) { timeOf.second = second; timeOf.words = clock.format(new Date(second + "Z")); }
    return timeOf.words;
  }

  // One of the places of this browser for a stream: a function that gives it back, or null when all are taken.
  function place(name) {
    return new Promise(function (resolve) {
      navigator.locks.request(name, { ifAvailable: true }, function (lock) {
        if (!lock) { resolve(null); return undefined; }
        return new Promise(function (release) { resolve(release); });
      }).catch(function () { resolve(null); });
    });
  }

  async function takePlace() {
    if (!navigator.locks) { return { free: function () {}, isShort: false }; }
    for (var number = 0; number < STREAMS; number += 1) {
      var free = await place("portal-log-" + number);
      if (free) { return { free: free, isShort: false }; }
    }
    var turn = await place("portal-log-turn");
    return turn && { free: turn, isShort: true };
  }

  function Log(root) {
    this.root = root;
    this.url = root.dataset.log;
    this.box = root.querySelector("[data-log-lines]");
    this.status = root.querySelector("[data-log-status]");
    this.cursor = "";
    this.failures = 0;
    this.characters = 0;
    this.older = 0;
    this.missed = 0;
    this.unseen = 0;
    this.isOver = false;
    this.isPaused = false;
    this.isFollowing = true;
    this.sought = "";
    this.box.textContent = "";
    this.watchScroll();
    this.open();
  }

  Log.prototype.tell = function (state, words) {
    this.root.dataset.logState = state;
    var said = words || this.root.dataset["word" + state[0].toUpperCase() + state.slice(1)] || "";
    if (this.status.textContent !== said) { this.status.textContent = said; }
  };

  // Number of lines that are not here, in words: those that the browser let go, and those that the server left out.
  Log.prototype.count = function () {
    var put = function (name, number) {
      var part = this.root.querySelector("[data-log-count='" + name + "']");
      if (!part) { return; }
      part.hidden = number === 0;
      part.querySelector("[data-n]").textContent = counted.format(number);
    }.bind(this);
    put("older", this.older);
    put("missed", this.missed);
    put("unseen", this.unseen);
  };

  Log.prototype.open = async function () {
    clearTimeout(this.timer);
    if (this.isOver || this.reading) { return; }
    if (this.isPaused) { this.tell("paused"); return; }
    if (document.hidden) { this.tell("hidden"); return; }
    var stop = this.reading = new AbortController();
    var place = await takePlace();
    if (stop.signal.aborted || !place) {
      if (place) { place.free(); }
      if (this.reading === stop) { this.reading = null; this.tell("crowded"); this.later(LOOK_AGAIN_MS); }
      return;
    }
    if (this.leftAt && Date.now() - this.leftAt > LONG_AWAY_MS) { this.forget(); }
    this.leftAt = 0;
    if (this.root.dataset.logState !== "crowded") { this.tell(this.cursor ? "again" : "connecting"); }
    var look = place.isShort ? setTimeout(function () { stop.abort("looked"); }, LOOK_MS) : 0;
    var outcome = "lost";
    try { outcome = await this.read(stop.signal, place.isShort); } catch (error) { outcome = "lost"; }
    clearTimeout(look);
    place.free();
    if (this.reading !== stop) { return; }
    this.reading = null;
    if (stop.signal.aborted && stop.signal.reason === "looked") { this.tell("crowded"); this.later(LOOK_AGAIN_MS); return; }
    if (outcome === "lost") {
      if (!this.told) { this.tell("lost"); }
      this.later(RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)]);
      this.failures += 1;
    }
  };

  Log.prototype.later = function (ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(this.open.bind(this), ms);
  };

  // Read until the stream ends. "lost" means that it is to be opened again.
  Log.prototype.read = async function (signal, isShort) {
    this.told = false;
    var answer = await fetch(this.url, {
      headers: this.cursor ? { "last-event-id": this.cursor } : {},
      signal: signal, cache: "no-store", credentials: "same-origin"
    });
    if (!answer.ok) { return this.refused(await answer.json()); }
    this.tell(isShort ? "crowded" : "live");
    var reader = answer.body.getReader(), decoder = new TextDecoder(), held = "";
    for (;;) {
      var part = await reader.read();
      if (part.done) { return "lost"; }
      held += decoder.decode(part.value, { stream: true });
      var events = held.split("\n\n");
      held = events.pop();
      for (var at = 0; at < events.length; at += 1) {
        var told = this.event(events[at]);
        if (told) { return this.refused(told); }
      }
    }
  };

  Log.prototype.refused = function (told) {
    this.told = true;
    if (told.again) { this.tell("lost", told.text); return "lost"; }
    this.isOver = true;
    this.tell("over", told.text);
    return "over";
  };

  // Takes an event in; what the last one of a stream says is returned.
  Log.prototype.event = function (written) {
    var fields = {};
    written.split("\n").forEach(function (line) {
      var colon = line.indexOf(":");
      if (colon > 0) { fields[line.slice(0, colon)] = line.slice(colon + 1).trim(); }
    });
    if (!fields.data) { return null; }
    var told = JSON.parse(fields.data);
    if (fields.event === "end") { return told; }
    this.failures = 0;
    this.cursor = fields.id || this.cursor;
    this.missed += told.dropped;
    this.older += told.older || 0;
    this.add(told.lines);
    return null;
  };

  Log.prototype.add = function (lines) {
    var fresh = document.createDocumentFragment();
    lines.slice(-MOST_LINES).forEach(function (line) {
      var row = document.createElement("div"), time = document.createElement("span"), text = document.createElement("bdi");
      row.className = "log-line";
      // Words of ours run as the page does; a program's lines run from left to right, and a pod's as their letters do.
      if (line[2] === "words") { row.className += " words"; row.dir = document.documentElement.dir; }
      time.className = "log-time";
      time.textContent = timeOf(line[0]);
      time.title = line[0];
      text.dir = line[2] === "output" ? "ltr" : "auto";
      text.textContent = line[1] || "\u00a0";
      row.append(time, text);
      this.characters += line[1].length;
      if (this.sought) { this.match(row); }
      fresh.append(row);
    }, this);
    this.older += Math.max(0, lines.length - MOST_LINES);
    this.box.append(fresh);
    while (this.box.childElementCount > MOST_LINES || this.characters > MOST_CHARACTERS) {
      this.characters -= this.box.firstElementChild.lastElementChild.textContent.length;
      this.box.firstElementChild.remove();
      this.older += 1;
    }
    if (this.isFollowing) { this.toEnd(); } else { this.unseen += lines.length; }
    this.count();
    if (this.sought) { this.found(); }
  };

  Log.prototype.toEnd = function () {
    this.isFollowing = true;
    this.unseen = 0;
    this.box.scrollTop = this.box.scrollHeight;
  };

  // Whoever scrolls up wants to read there; whoever comes back to the end follows again.
  Log.prototype.watchScroll = function () {
    var own = this;
    this.onScroll = function () {
      own.isFollowing = own.box.scrollTop + own.box.clientHeight >= own.box.scrollHeight - NEAR_END_PX;
      if (own.isFollowing && own.unseen) { own.unseen = 0; own.count(); }
    };
    this.box.addEventListener("scroll", this.onScroll, { passive: true });
  };

  Log.prototype.match = function (row) {
    row.hidden = this.sought !== "" && row.lastElementChild.textContent.toLowerCase().indexOf(this.sought) < 0;
  };

  Log.prototype.search = function (words) {
    this.sought = words.trim().toLowerCase();
    Array.prototype.forEach.call(this.box.children, this.match, this);
    this.found();
    if (this.isFollowing) { this.toEnd(); }
  };

  // Marks what was found without touching the lines, and says how many have it.
  Log.prototype.found = function () {
    var ranges = [], number = 0, sought = this.sought;
    Array.prototype.forEach.call(this.box.children, function (row) {
      var text = row.lastElementChild.firstChild, from = sought ? text.data.toLowerCase().indexOf(sought) : -1;
      if (from < 0) { return; }
      number += 1;
      var range = new Range();
      range.setStart(text, from);
      range.setEnd(text, Math.min(from + sought.length, text.data.length));
      ranges.push(range);
    });
    if (window.CSS && CSS.highlights) { CSS.highlights.set("log-found", new Highlight(...ranges)); }
    var said = this.root.querySelector("[data-log-found]");
    said.hidden = !sought;
    said.querySelector("[data-n]").textContent = counted.format(number);
  };

  Log.prototype.forget = function () {
    this.older += this.box.childElementCount;
    this.box.textContent = "";
    this.characters = 0;
    this.cursor = "";
    this.count();
  };

  Log.prototype.close = function () {
    clearTimeout(this.timer);
    this.leftAt = this.leftAt || Date.now();
    if (this.reading) { this.reading.abort(); this.reading = null; }
  };

  Log.prototype.pause = function (isPaused) {
    this.isPaused = isPaused;
    this.root.toggleAttribute("data-log-paused", isPaused);
    this.close();
    this.open();
  };

  Log.prototype.end = function () {
    this.close();
    this.box.removeEventListener("scroll", this.onScroll);
    this.box.textContent = "";
  };

  function look() {
    var root = document.querySelector("[data-log]");
    if (log && log.root === root && log.url === root.dataset.log) { return; }
    if (log) { log.end(); }
    log = root && root.dataset.log ? new Log(root) : null;
  }

  document.addEventListener("visibilitychange", function () {
    if (!log) { return; }
    if (document.hidden) { log.close(); log.tell("hidden"); } else { log.failures = 0; log.open(); }
  });

  document.addEventListener("click", function (event) {
    var act = log && event.target instanceof Element && event.target.closest("[data-log-act]");
    if (!act) { return; }
    if (act.dataset.logAct === "pause") { log.pause(!log.isPaused); }
    if (act.dataset.logAct === "newest") { log.toEnd(); log.count(); }
  });

  var typing = 0;
  document.addEventListener("input", function (event) {
    if (!log || !event.target.matches("[data-log-search]")) { return; }
    clearTimeout(typing);
    typing = setTimeout(function () { log.search(event.target.value); }, SEARCH_MS);
  });

  new MutationObserver(look).observe(document.body,
    { childList: true, subtree: true, attributes: true, attributeFilter: ["data-log"] });
  look();
})();
