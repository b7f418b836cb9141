// Keys and copy buttons for the desk. Every page works without it.
(function () {
  'use strict';
  var doc = document, body = doc.body;

  // J and K move the focus through the rows of a list, and Enter opens the link that has it.
  var rows = Array.prototype.map.call(doc.querySelectorAll('[data-rows] > *'), function (row) { return row.querySelector('a'); })
    .filter(function (link) { return link; });
  var hint = doc.querySelector('.keys');
  if (rows.length && hint) {
    var button = hint.querySelector('button');
    var are_on = function () { try { return localStorage.getItem('hp_keys') !== 'off'; } catch (_) { return true; } };
    var label = function () { button.textContent = body.getAttribute(are_on() ? 'data-keys-off' : 'data-keys-on'); };
    button.onclick = function () { try { localStorage.setItem('hp_keys', are_on() ? 'off' : 'on'); } catch (_) { } label(); };
    label();
    hint.hidden = false;
    doc.addEventListener('keydown', function (event) {
      var step = { j: 1, k: -1 }[String(event.key).toLowerCase()];
      var typing = event.target.closest && event.target.closest('input, select, textarea, [contenteditable]');
      if (!step || typing || event.ctrlKey || event.altKey || event.metaKey || event.isComposing || !are_on()) { return; }
      var here = rows.indexOf(doc.activeElement);
      var row = doc.activeElement.closest && doc.activeElement.closest('[data-rows] > *');
      if (here < 0 && row) { here = rows.indexOf(row.querySelector('a')); }
      var next = here < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, here + step));
      rows[next].focus();
      event.preventDefault();
    });
  }

  // What carries data-copy-text gets a button that copies it.
  function by_hand(text) {
    var area = doc.createElement('textarea');
    area.value = text;
    area.className = 'aside';
    body.appendChild(area);
    area.select();
    var done = doc.execCommand('copy');
    body.removeChild(area);
    return done;
  }
  Array.prototype.forEach.call(doc.querySelectorAll('[data-copy-text]'), function (place) {
    var button = doc.createElement('button'), word = body.getAttribute('data-copy');
    button.type = 'button';
    button.className = 'copy no-print';
    button.textContent = word;
    button.setAttribute('aria-label', word + ': ' + place.getAttribute('data-copy-name'));
    button.setAttribute('aria-live', 'polite');
    function done() {
      button.textContent = '✓ ' + body.getAttribute('data-copied');
      button.removeAttribute('aria-label');
      setTimeout(function () {
        button.textContent = word;
        button.setAttribute('aria-label', word + ': ' + place.getAttribute('data-copy-name'));
      }, 2500);
    }
    button.onclick = function () {
      var text = place.getAttribute('data-copy-text');
      if (navigator.clipboard && navigator.clipboard.writeText) {
        navigator.clipboard.writeText(text).then(done, function () { if (by_hand(text)) { done(); } });
      } else if (by_hand(text)) { done(); }
    };
    place.parentNode.insertBefore(button, place.nextSibling);
    place.parentNode.insertBefore(doc.createTextNode(' '), button);
  });
})();
