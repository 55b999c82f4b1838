// Added to portal.js by `make dev`. Tabs cannot know that other code runs now, so each asks for the version.
(function () {
  var known = null;
  function ask() {
    fetch("/dev-version.txt", { cache: "no-store" })
      .then(function (answer) { return answer.ok ? answer.text() : known; })
      .then(function (version) {
        if (known !== null && version !== known) { location.reload(); }
        known = version;
      })
      .catch(function () {});
  }
  ask();
  setInterval(ask, 500);
})();
