// Which view a phone shows; a wide screen shows them all. The address names it: #camera, #system.

export const VIEWS = [
  { id: 'table', label: 'Table' },
  { id: 'camera', label: 'Camera' },
  { id: 'shots', label: 'Shots' },
  { id: 'system', label: 'System' },
] as const;

export type ViewId = (typeof VIEWS)[number]['id'];

/** One view at a time below this; the same number stands in layout.css. */
const WIDE = '(min-width: 64rem)';

function fromAddress(hash: string): ViewId {
  return VIEWS.find((v) => `#${v.id}` === hash)?.id ?? 'table';
}

class Views {
  current = $state.raw<ViewId>(fromAddress(location.hash));
  wide = $state.raw(matchMedia(WIDE).matches);
  /** The table lies along the longer side of the screen. */
  landscape = $state.raw(isLandscape());

  start(): () => void {
    const stop = new AbortController();
    const { signal } = stop;
    const measure = (): void => {
      this.wide = matchMedia(WIDE).matches;
      this.landscape = isLandscape();
    };
    window.addEventListener('resize', measure, { signal });
    window.addEventListener(
      'hashchange',
      () => {
        this.current = fromAddress(location.hash);
        if (!this.wide) window.scrollTo(0, 0);
      },
      { signal },
    );
    return () => stop.abort();
  }

  shows(view: ViewId): boolean {
    return this.wide || this.current === view;
  }
}

function isLandscape(): boolean {
  return window.innerWidth >= 700 || window.innerWidth > window.innerHeight;
}

export const views = new Views();
