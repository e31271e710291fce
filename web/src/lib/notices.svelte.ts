// Short words about what was just asked for: done, or why not.

export interface Notice {
  id: number;
  kind: 'done' | 'problem';
  text: string;
}

const DONE_MS = 5_000;
const MOST = 3;

class Notices {
  list = $state.raw<readonly Notice[]>([]);
  #last = 0;

  done(text: string): void {
    const id = this.#add('done', text);
    setTimeout(() => this.dismiss(id), DONE_MS);
  }

  /** A problem stays until it is dismissed. */
  problem(text: string): void {
    this.#add('problem', text);
  }

  dismiss(id: number): void {
    this.list = this.list.filter((n) => n.id !== id);
  }

  #add(kind: Notice['kind'], text: string): number {
    const id = ++this.#last;
    this.list = [...this.list.filter((n) => n.text !== text), { id, kind, text }].slice(-MOST);
    return id;
  }
}

export const notices = new Notices();
