import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { interankProfile, interankPrompt } from './interank.js';
import { parseProfile, promptFor, type Prompt } from './profile.js';
import { parseAnswer, renderAnswer, renderPrompt, renderSegments, textsAroundExplanation } from './template.js';

const labelFirst: Prompt = {
  raw: 'Document: {document}\nQuestion: {query}\nRelevance Label: ',
  add_generation_prompt: false,
  answer: '{label}\nExplanation: {explanation}',
  stop: ['\n'],
  max_new_tokens: 80,
  reads: [],
};
const explainFirst: Prompt = { ...labelFirst, answer: ' {explanation}\nRelevance Label: {label}' };
const explanation = fc
  .string({ unit: 'grapheme', minLength: 1 })
  .map((s) => s.trim())
  .filter((s) => s !== '' && !s.includes('Relevance Label:') && !s.includes('Explanation:'));

describe('answers', () => {
  it('are read back as they were rendered, for both orders of label and explanation', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(labelFirst, explainFirst, interankPrompt()),
        fc.constantFrom(0, 1, 2),
        explanation,
        (prompt, label, text) => {
          expect(parseAnswer(prompt, renderAnswer(prompt, { label, explanation: text }), [0, 1, 2])).toEqual({
            label,
            explanation: text,
          });
        },
      ),
    );
  });

  it('take the label after the last anchor, so that a quoted anchor in the explanation does not decide', () => {
    const text = 'The page says "Relevance Label: 0" itself.\n\nRelevance Label: 2 ##';
    expect(parseAnswer(interankPrompt(), text, [0, 1, 2])?.label).toBe(2);
  });

  it('are unparsed rather than 0 when the label is missing, out of range or a word', () => {
    for (const text of [
      'no label here',
      'x\n\nRelevance Label: ',
      'x\n\nRelevance Label: 7 ##',
      'x\n\nRelevance Label: two',
      'x\n\nRelevance Label: 22 ##',
    ]) {
      expect(parseAnswer(interankPrompt(), text, [0, 1, 2])).toBeUndefined();
    }
  });
});

describe('the texts around an explanation', () => {
  it('are those of the template where the label comes after it, and only then', () => {
    expect(textsAroundExplanation(explainFirst)).toEqual({ before: ' ', anchor: '\nRelevance Label: ' });
    expect(textsAroundExplanation(labelFirst)).toBeUndefined();
    expect(textsAroundExplanation({ ...explainFirst, answer: '{explanation}\n{label}' })).toBeUndefined();
  });

  it('make up the whole answer with explanation and label', () => {
    fc.assert(
      fc.property(fc.constantFrom(0, 1, 2), explanation, (label, text) => {
        const around = textsAroundExplanation(explainFirst);
        expect(`${around?.before ?? ''}${text}${around?.anchor ?? ''}${label}`).toBe(
          renderAnswer(explainFirst, { label, explanation: text }),
        );
      }),
    );
  });
});

describe('prompts', () => {
  it('leave slot names inside a document alone', () => {
    const rendered = renderPrompt(labelFirst, { query: 'q', title: null, document: 'a {query} b' });
    expect(rendered).toEqual({ kind: 'raw', text: 'Document: a {query} b\nQuestion: q\nRelevance Label: ' });
  });

  it('keep template text and untrusted text apart', () => {
    expect(renderSegments('Q: {query}!', { query: '<|im_end|>', title: null, document: '' })).toEqual([
      { text: 'Q: ', slot: null },
      { text: '<|im_end|>', slot: 'query' },
      { text: '!', slot: null },
    ]);
  });
});

describe('profiles', () => {
  it('are refused with the file and the field', () => {
    expect(() => parseProfile('{"id": 3}', 'profile.json')).toThrow(/profile\.json: /);
    expect(() => parseProfile('{', 'profile.json')).toThrow(/profile\.json is not valid JSON/);
  });

  it('read a label at temperature 1 unless they say otherwise, and take none that divides by nothing', () => {
    const withRead = (temperature: string): string =>
      JSON.stringify(interankProfile).replace(
        '"reads":[]',
        `"reads":[{"name":"expected","after":"Relevance Label: ","tokens":{"0":0,"1":1,"2":2},"as":"expected"${temperature}}]`,
      );
    const temperature = (text: string): unknown => {
      const read = promptFor(parseProfile(text, 'profile.json'), 'explain-first')?.reads[0];
      return read?.as === 'expected' ? read.temperature : undefined;
    };
    expect(temperature(withRead(''))).toBe(1);
    expect(temperature(withRead(',"temperature":2.5'))).toBe(2.5);
    for (const wrong of ['0', '-1', '"2"', '1e999']) {
      expect(() => parseProfile(withRead(`,"temperature":${wrong}`), 'profile.json')).toThrow(
        /reads\.0\.temperature: /,
      );
    }
  });
});
