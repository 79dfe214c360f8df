/**
 * Lines on their way into a file: encoded as they come into one of two buffers, while the other is being written. Strings
 * that are joined first and encoded later cost three times as much, and waiting for the disk doubles that again.
 */
import type { FileHandle } from 'node:fs/promises';

/** Bytes gathered before they are written: larger pieces are not faster. */
const pieceSize = 1 << 20;
/** Room beyond, so that most last lines of a piece fit. */
const bufferSize = pieceSize + (1 << 16);
/** Up to here a text's length is taken at its greatest, three bytes a UTF-16 unit, instead of being measured. */
const shortText = 1 << 14;
const newline = 0x0a;

export class LineFile {
  private buffer: Buffer = Buffer.allocUnsafeSlow(bufferSize);
  private length = 0;
  private spare: Buffer | undefined = Buffer.allocUnsafeSlow(bufferSize);
  private writing: Promise<void> | undefined;

  /** `onPiece` sees the bytes in the order of the file, before they are written. */
  constructor(
    private readonly handle: FileHandle,
    private readonly onPiece?: (bytes: Buffer) => void,
  ) {}

  /** Appends a line and its line feed. Lone surrogates become U+FFFD. */
  line(text: string): void {
    this.text(text);
    this.buffer[this.length++] = newline;
  }

  /** Appends text as it is. */
  text(text: string): void {
    const bytes = text.length <= shortText ? text.length * 3 : Buffer.byteLength(text);
    if (this.length + bytes + 1 > this.buffer.length) {
      const grown = Buffer.allocUnsafeSlow(this.length + bytes + bufferSize);
      this.buffer.copy(grown, 0, 0, this.length);
      this.buffer = grown;
    }
    this.length += this.buffer.write(text, this.length, 'utf8');
  }

  /** Whether enough has gathered to call `write`. */
  get full(): boolean {
    return this.length >= pieceSize;
  }

  /**
   * Begins to write what has gathered, once the piece before is written. Rejects with what went wrong with that one, so that
   * a full disk is noticed one piece later.
   */
  async write(): Promise<void> {
    await this.writing;
    if (this.length === 0) return;
    const { buffer } = this;
    const piece = buffer.subarray(0, this.length);
    this.onPiece?.(piece);
    this.buffer = this.spare ?? Buffer.allocUnsafeSlow(bufferSize);
    this.spare = undefined;
    this.length = 0;
    this.writing = this.writeAll(piece).then(() => {
      // A buffer that had to grow for one line is not kept for all the others.
      if (buffer.length === bufferSize) this.spare = buffer;
    });
    // Awaited by the next call; until then it is nobody's error.
    this.writing.catch(() => undefined);
  }

  /** Writes the rest and waits for it. The handle stays open. */
  async finish(): Promise<void> {
    await this.write();
    await this.writing;
  }

  private async writeAll(piece: Buffer): Promise<void> {
    for (let at = 0; at < piece.length;) at += (await this.handle.write(piece, at)).bytesWritten;
  }
}
