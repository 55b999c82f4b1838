// The theme counts what it found in Latin digits; a Persian page shows Persian ones.
(function () {
  if (document.documentElement.lang !== "fa") return;
  var place = document.querySelector("[data-md-component=search-result]");
  if (!place) return;
  var persian = function (node) {
    var text = node.nodeValue.replace(/[0-9]/g, function (digit) { return "۰۱۲۳۴۵۶۷۸۹"[digit]; });
    if (text !== node.nodeValue) node.nodeValue = text;
  };
  new MutationObserver(function () {
    place.querySelectorAll(".md-search-result__meta, .md-search-result__more > summary").forEach(function (told) {
      told.querySelectorAll("*").forEach(function (each) { each.childNodes.forEach(function (node) { if (node.nodeType === 3) persian(node); }); });
      told.childNodes.forEach(function (node) { if (node.nodeType === 3) persian(node); });
    });
  }).observe(place, { subtree: true, childList: true, characterData: true });
})();
