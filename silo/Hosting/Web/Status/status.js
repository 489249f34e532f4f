(() => {
  'use strict';
  const every = 2000;
  const live = document.getElementById('live');
  const pause = document.getElementById('pause');
  // Without a name and a password that the reader may have put into the address.
  const path = location.origin + location.pathname.replace(/\/+$/, '');
  let paused = false;
  let misses = 0;

  const get = async (url) => {
    const answer = await fetch(url, { cache: 'no-store', credentials: 'same-origin', signal: AbortSignal.timeout(10000) });
    if (!answer.ok) { throw new Error(String(answer.status)); }
    return answer;
  };

  // The page is made by the silo: its content is taken whole, and what the reader has done to the old one is done to it.
  const swap = (text) => {
    // Its style and script have another nonce than this page's policy knows: the browser would complain of them.
    const page = new DOMParser().parseFromString(text.slice(text.indexOf('<main '), text.indexOf('</main>')), 'text/html');
    const old = document.getElementById('main');
    const fresh = page.getElementById('main');
    if (!fresh) { throw new Error('no page'); }
    const focused = old.contains(document.activeElement) ? document.activeElement.id : '';
    const scrolled = [...old.querySelectorAll('.scroll')].map((box) => [box.id, box.scrollLeft]);
    old.replaceWith(document.adoptNode(fresh));
    for (const [id, left] of scrolled) {
      const box = document.getElementById(id);
      if (box) { box.scrollLeft = left; }
    }
    if (focused) { document.getElementById(focused)?.focus({ preventScroll: true }); }
  };

  const look = async () => {
    if (paused || document.hidden) { return; }
    try {
      const status = await (await get(`${path}.json`)).json();
      if (status.page !== document.getElementById('main').dataset.page) { swap(await (await get(path)).text()); }
      document.getElementById('seen').textContent = status.at.replace('T', ' ').replace('Z', '');
      misses = 0;
      live.textContent = '';
    } catch {
      misses += 1;
      if (misses >= 2) { live.textContent = 'The silo does not answer; trying again.'; }
    }
  };

  const loop = async () => {
    await look();
    setTimeout(loop, Math.min(every * (1 + misses), 15000));
  };

  pause.hidden = false;
  pause.addEventListener('click', () => {
    paused = !paused;
    pause.setAttribute('aria-pressed', String(paused));
    pause.textContent = paused ? 'Resume updates' : 'Pause updates';
    if (!paused) { look(); }
  });
  document.addEventListener('visibilitychange', look);
  setTimeout(loop, every);
})();
