/**
 * Parquet from rows as they come. A Parquet column has one type, and whether it has is known only after the last row, so
 * the rows wait in a file beside the target while their types are joined: constant memory, and the same types as
 * `datasets` gives the JSON Lines of the same rows (64-bit integers, doubles, lists, structs; null where a row has no value).
 */
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { ByteWriter, ParquetWriter, type SchemaElement } from 'hyparquet-writer';
import { messageOf, RationaleError } from '../domain/failure.js';
import { isJsonObject, type Json, type JsonObject } from '../domain/json.js';
import { readJsonLines } from '../retrieval/json-lines.js';
import { LineFile } from './line-file.js';

/** Characters of JSON in one row group: what is held in memory at once, a few times over. */
const groupCharacters = 16_000_000;
const groupRows = 20_000;
/** What a column or a part of it holds. `nothing`: only null so far. */
type Shape =
  | { readonly kind: 'nothing' | 'boolean' | 'integer' | 'number' | 'text' }
  | { readonly kind: 'list'; readonly of: Shape }
  | { readonly kind: 'object'; readonly fields: ReadonlyMap<string, Shape> };
type Columns = ReadonlyMap<string, Shape>;

/** A Parquet file that takes rows as they come, several of them side by side from one walk over the input. */
export class ParquetFile {
  private readonly columns = new Map<string, Shape>();
  private readonly waiting: LineFile;
  private rows = 0;

  private constructor(
    private readonly path: string,
    private readonly handle: FileHandle,
  ) {
    this.waiting = new LineFile(handle);
  }

  /** Opens the file beside `path` in which the rows wait. `path` itself appears with `finish`. */
  static async open(path: string): Promise<ParquetFile> {
    return new ParquetFile(path, await open(waitingOf(path), 'wx'));
  }

  /**
   * Takes a row; strings become well-formed UTF-8. Throws RationaleError when a column holds values that have no common
   * type (named with the row).
   */
  row(row: JsonObject): void {
    this.rows++;
    for (const [name, value] of Object.entries(row)) {
      const known = this.columns.get(name) ?? { kind: 'nothing' };
      const where = (): string => `${this.path}, row ${this.rows}, column "${name}"`;
      this.columns.set(name, join(known, shapeOf(value), where));
    }
    this.waiting.line(JSON.stringify(row));
  }

  /** Writes what has gathered, if it is worth it. */
  drain(): Promise<void> | undefined {
    return this.waiting.full ? this.waiting.write() : undefined;
  }

  /** Writes the table, all at once or not at all; returns how many rows it has. */
  async finish(): Promise<number> {
    const unfinished = `${this.path}.tmp`;
    try {
      await this.waiting.finish();
      await this.handle.close();
      const handle = await open(unfinished, 'w');
      try {
        await writeGroups(waitingOf(this.path), this.columns, handle);
      } finally {
        await handle.close();
      }
      await rename(unfinished, this.path);
      return this.rows;
    } catch (error) {
      if (error instanceof RationaleError) throw error;
      throw new RationaleError('environment', `Cannot write ${this.path}: ${messageOf(error)}`, { cause: error });
    } finally {
      await rm(unfinished, { force: true });
      await this.discard();
    }
  }

  /** Takes back what waits; a finished table stays. */
  async discard(): Promise<void> {
    await this.handle.close().catch(() => undefined);
    await rm(waitingOf(this.path), { force: true });
  }
}

function waitingOf(path: string): string {
  return `${path}.rows.tmp`;
}

function shapeOf(value: Json): Shape {
  if (value === null) return { kind: 'nothing' };
  if (typeof value === 'boolean') return { kind: 'boolean' };
  if (typeof value === 'number') return { kind: Number.isSafeInteger(value) ? 'integer' : 'number' };
  if (typeof value === 'string') return { kind: 'text' };
  if (isJsonObject(value)) {
    return { kind: 'object', fields: new Map(Object.entries(value).map(([name, part]) => [name, shapeOf(part)])) };
  }
  return {
    kind: 'list',
    of: value.reduce<Shape>((shape, item) => join(shape, shapeOf(item)), { kind: 'nothing' }),
  };
}

/** The one shape that holds both. `where` is asked only for the error. */
function join(a: Shape, b: Shape, where: () => string = () => 'a list'): Shape {
  if (a.kind === 'nothing') return b;
  if (b.kind === 'nothing') return a;
  if (a.kind === 'list' && b.kind === 'list') return { kind: 'list', of: join(a.of, b.of, where) };
  if (a.kind === 'object' && b.kind === 'object') {
    const fields = new Map(a.fields);
    for (const [name, shape] of b.fields) {
      fields.set(
        name,
        join(fields.get(name) ?? { kind: 'nothing' }, shape, () => `${where()}, field "${name}"`),
      );
    }
    return { kind: 'object', fields };
  }
  if (a.kind === b.kind) return a;
  const numeric = [a.kind, b.kind].every((kind) => kind === 'integer' || kind === 'number');
  if (numeric) return { kind: 'number' };
  throw new RationaleError(
    'user',
    `${where()} holds ${b.kind}, after ${a.kind} further up. A Parquet column has one type: export these rows as JSON Lines.`,
  );
}

async function writeGroups(file: string, columns: Columns, handle: FileHandle): Promise<void> {
  const schema: SchemaElement[] = [{ name: 'root', num_children: columns.size }];
  for (const [name, shape] of columns) schema.push(...elements(name, shape));
  const bytes = new ByteWriter();
  const parquet = new ParquetWriter({ writer: bytes, schema, createdBy: 'rationale' });
  let rows: JsonObject[] = [];
  let characters = 0;
  // The library's own file writer writes in the foreground and would hold up an editor.
  const save = async (): Promise<void> => {
    await handle.write(bytes.getBytes());
    bytes.index = 0;
  };
  const flush = async (): Promise<void> => {
    const columnData = [...columns].map(([name, shape]) => ({
      name,
      data: rows.map((row) => stored(row[name] ?? null, shape)),
    }));
    if (rows.length > 0) await parquet.write({ columnData, rowGroupSize: rows.length });
    await save();
    rows = [];
    characters = 0;
  };
  for await (const { value } of readJsonLines(file)) {
    rows.push(value);
    characters += roughLength(value);
    if (rows.length >= groupRows || characters >= groupCharacters) await flush();
  }
  await flush();
  await parquet.finish();
  await save();
}

/** The schema of one column in the preorder that Parquet wants; lists in the standard three levels, which every reader knows. */
function elements(name: string, shape: Shape): SchemaElement[] {
  const repetition_type = 'OPTIONAL';
  switch (shape.kind) {
    case 'boolean':
      return [{ name, type: 'BOOLEAN', repetition_type }];
    case 'integer':
      return [{ name, type: 'INT64', repetition_type }];
    case 'number':
      return [{ name, type: 'DOUBLE', repetition_type }];
    // A column of nulls needs some type; text is what an absent model or explanation would have been.
    case 'nothing':
    case 'text':
      return [{ name, type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type }];
    case 'list':
      return [
        { name, repetition_type, num_children: 1, converted_type: 'LIST' },
        { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
        ...elements('element', shape.of),
      ];
    case 'object':
      if (shape.fields.size === 0) {
        throw new RationaleError(
          'user',
          `The objects of "${name}" have no fields, which Parquet cannot hold: export these rows as JSON Lines.`,
        );
      }
      return [
        { name, repetition_type, num_children: shape.fields.size },
        ...[...shape.fields].flatMap(([field, part]) => elements(field, part)),
      ];
  }
}

/** A value as the writer takes it: 64-bit integers as bigint, every field present, text well-formed. */
function stored(value: Json, shape: Shape): unknown {
  if (value === null) return null;
  if (shape.kind === 'integer' && typeof value === 'number') return BigInt(value);
  if (typeof value === 'string') return value.toWellFormed();
  if (shape.kind === 'list' && Array.isArray(value)) return (value as readonly Json[]).map((v) => stored(v, shape.of));
  if (shape.kind === 'object' && isJsonObject(value)) {
    return Object.fromEntries([...shape.fields].map(([name, part]) => [name, stored(value[name] ?? null, part)]));
  }
  return value;
}

/** Characters of the strings in `value`, which is what makes rows large. */
function roughLength(value: Json): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 8;
  return Object.values(value).reduce<number>((sum, part) => sum + roughLength(part), 16);
}
