// The scripted host: answers the editor's protocol in the page, as src/ui does behind a real webview. Runs under the
// page's own CSP. `scenario` is put in front of this text by the server.
/* global scenario */
(() => {
  const { rows, scale } = scenario;
  let order = scenario.order ?? 'rank';
  let filter = { queryId: null, review: [], labels: [], text: '' };
  let revision = 1;
  let selected = scenario.rows.length > 0 ? 0 : null;
  let subset = null;
  let run = scenario.run ?? null;
  const history = [];
  const sent = [];

  const reviewOf = (row) =>
    row.annotation.decision?.kind ??
    (row.annotation.flagged ? 'flagged' : row.status === 'pending' ? 'unseen' : 'prefilled');
  const name = (value) => scale.labels.find((l) => l.value === value)?.name ?? String(value);
  const view = (value, probability) => ({
    value,
    name: name(value),
    probability,
    grade: value / (scale.labels.length - 1),
  });
  const labelOf = (row) =>
    row.label === null || row.status === 'pending' ? null : view(row.label, row.probabilities[row.label]);

  let cache = null;
  function shown() {
    if (cache?.revision === revision) return cache.rows;
    const text = filter.text.toLowerCase();
    const keep = rows.filter((row) => {
      if (row.malformed !== undefined)
        return filter.review.length + filter.labels.length + text.length === 0 && filter.queryId === null;
      return (
        (filter.queryId === null || row.queryId === filter.queryId) &&
        (filter.review.length === 0 || filter.review.includes(reviewOf(row))) &&
        (filter.labels.length === 0 || filter.labels.includes(row.annotation.decision?.label ?? row.label)) &&
        (text === '' ||
          `${row.query} ${row.name} ${row.document} ${row.explanation ?? ''}`.toLowerCase().includes(text))
      );
    });
    const by = {
      file: () => 0,
      rank: (a, b) => (a.queryId === b.queryId ? a.rank - b.rank : 0),
      'first-stage': (a, b) => (a.queryId === b.queryId ? a.firstStageRank - b.firstStageRank : 0),
      margin: (a, b) => (a.score ?? 0) - (b.score ?? 0),
    }[order];
    if (rows.every((row) => row.malformed === undefined)) keep.sort(by);
    cache = { revision, rows: keep };
    return keep;
  }

  function summary(row, previous) {
    if (row.malformed !== undefined) return { kind: 'malformed', key: row.key, ...row.malformed };
    const corrected = row.annotation.decision?.label;
    return {
      kind: 'judgement',
      key: row.key,
      queryId: row.queryId,
      query: row.query,
      startsQuery: previous?.queryId !== row.queryId,
      name: row.name,
      snippet: row.document.slice(0, 160).replace(/\s+/g, ' '),
      rank: row.status === 'pending' ? null : row.rank,
      firstStageRank: row.firstStageRank,
      score: row.status === 'pending' || row.status === 'failed' ? null : row.score,
      status: row.status,
      label: labelOf(row),
      correctedLabel: corrected === undefined || corrected === row.label ? null : view(corrected, null),
      review: reviewOf(row),
      flagged: row.annotation.flagged,
      draft: row.draft !== null,
      saved: row.saved,
      hasExplanation: row.explanation !== null,
      streaming: row.streaming,
    };
  }

  function detail(row) {
    if (row === undefined || row.malformed !== undefined) return null;
    const prompt = `Document: ${row.document.slice(0, row.seen ?? 800)}\nQuery: ${row.query}\nRelevance Label: `;
    return {
      key: row.key,
      line: row.key + 1,
      query: row.query,
      name: row.name,
      docId: row.docId,
      place: row.place,
      otherPlaces: [],
      canOpen: row.place !== null,
      document: row.document,
      marks: row.marks,
      seen: row.seen,
      status: row.status,
      error: row.error,
      mode: 'label-first',
      rank: row.status === 'pending' ? null : row.rank,
      firstStageRank: row.firstStageRank,
      firstStageScore: row.firstStageScore,
      score: row.status === 'pending' || row.status === 'failed' ? null : row.score,
      scoreParts: [
        { name: 'expected label', value: 1.41 },
        { name: 'query likelihood', value: -0.62 },
      ],
      scale,
      label: labelOf(row),
      probabilities: labelOf(row) === null ? [] : row.probabilities.map((p, i) => view(i, p)),
      explanation: row.explanation,
      explanationNotes:
        row.explanation === null
          ? []
          : ['Written after the label. Experimental: rationales of this model are often wrong or repetitive.'],
      streaming: row.streaming,
      annotation: row.annotation,
      review: reviewOf(row),
      saved: row.saved,
      draft: row.draft,
      rawResponse: row.explanation === null ? null : ` ${row.label}\nExplanation: ${row.explanation}`,
      prompt: {
        text: prompt,
        exact: row.key % 2 === 0,
        why: row.key % 2 === 0 ? null : 'The run file is missing, so the template is that of the profile as it is now.',
      },
      facts: [
        { name: 'Model', value: 'rationale-135m (int8, cpu)' },
        { name: 'Tokens', value: '312 read, 41 written' },
        { name: 'Time', value: '0.42 s' },
      ],
    };
  }

  const emit = (message) => window.dispatchEvent(new MessageEvent('message', { data: structuredClone(message) }));
  function emitView() {
    const list = shown();
    const counts = {
      unseen: 0,
      prefilled: 0,
      accepted: 0,
      corrected: 0,
      skipped: 0,
      cannot_judge: 0,
      flagged: 0,
      stale: 0,
    };
    const queries = new Map();
    for (const row of rows) {
      if (row.malformed !== undefined) continue;
      counts[reviewOf(row)]++;
      queries.set(row.queryId, {
        queryId: row.queryId,
        query: row.query,
        rows: (queries.get(row.queryId)?.rows ?? 0) + 1,
      });
    }
    const position = list.findIndex((row) => row.key === selected);
    emit({
      type: 'view',
      view: {
        revision,
        fileName: 'mitochondria.judgements.jsonl',
        kind: run === null ? 'judgements' : 'run',
        readonly: scenario.readonly ?? null,
        run,
        notices: scenario.notices ?? [],
        queries: [...queries.values()],
        scales: [scale],
        count: list.length,
        total: rows.length,
        reviewCounts: counts,
        order,
        filter,
        subset,
        selected: position < 0 ? null : { key: selected, position },
        unsaved: rows.filter((row) => row.saved === false).length,
        annotator: 'marie',
      },
    });
  }
  function emitAll() {
    emitView();
    emit({ type: 'detail', detail: detail(rows.find((row) => row.key === selected)) });
  }
  function changed() {
    revision++;
    emitAll();
  }
  function nextUndecided() {
    const list = shown();
    const at = list.findIndex((row) => row.key === selected);
    const next = list.slice(at + 1).find((row) => row.malformed === undefined && row.annotation.decision === null);
    if (next !== undefined) selected = next.key;
  }

  function decide({ key, decision, advance }) {
    const row = rows.find((r) => r.key === key);
    history.push({ key, annotation: row.annotation });
    const now = row.annotation.decision;
    const corrected = { ...(now?.kind === 'corrected' ? now : {}), kind: 'corrected' };
    const next = {
      accept: () => ({ kind: 'accepted' }),
      label: () =>
        decision.label === row.label && corrected.explanation === undefined
          ? { kind: 'accepted' }
          : { ...corrected, label: decision.label },
      explanation: () => ({ ...corrected, explanation: decision.text }),
      skip: () => ({ kind: 'skipped' }),
      cannot_judge: () => ({ kind: 'cannot_judge' }),
      flag: () => now,
      clear: () => null,
      comment: () => now,
    }[decision.kind]();
    row.annotation = {
      ...row.annotation,
      decision: next,
      flagged: decision.kind === 'flag' ? decision.flagged : row.annotation.flagged,
    };
    row.draft = null;
    row.saved = false;
    if (advance) nextUndecided();
    changed();
  }

  function receive(message) {
    switch (message.type) {
      case 'ready':
        emitAll();
        break;
      case 'getRows': {
        const list = shown();
        if (message.revision !== revision) return;
        const answer = list
          .slice(message.start, message.start + message.count)
          .map((row, i) => summary(row, list[message.start + i - 1]));
        emit({ type: 'rows', revision, start: message.start, rows: answer });
        break;
      }
      case 'select':
        selected = message.key;
        emitAll();
        break;
      case 'move': {
        const list = shown();
        const at = list.findIndex((row) => row.key === selected);
        if (message.to === 'next-undecided') nextUndecided();
        else
          selected = list.at(
            { next: Math.min(at + 1, list.length - 1), previous: Math.max(at - 1, 0), first: 0, last: list.length - 1 }[
              message.to
            ],
          ).key;
        emitAll();
        break;
      }
      case 'setFilter':
        filter = message.filter;
        if (!shown().some((row) => row.key === selected)) selected = shown()[0]?.key ?? null;
        changed();
        break;
      case 'clearSubset':
        subset = null;
        changed();
        break;
      case 'setOrder':
        order = message.order;
        changed();
        break;
      case 'decide':
        decide(message);
        break;
      case 'draft':
        rows.find((row) => row.key === message.key).draft = message.text;
        changed();
        break;
    }
  }

  const violations = [];
  document.addEventListener('securitypolicyviolation', (e) =>
    violations.push(`${e.violatedDirective}: ${e.sourceFile ?? ''} ${e.sample} ${e.blockedURI}`),
  );
  window.__host = {
    sent,
    violations,
    rows,
    latency: 0,
    emit,
    changed,
    setSubset: (next) => {
      subset = next;
      changed();
    },
    carries: (view) => emit({ type: 'carries', carries: view }),
    setRun: (next) => {
      run = next;
      changed();
    },
    undo: () => {
      const last = history.pop();
      rows.find((row) => row.key === last.key).annotation = last.annotation;
      changed();
    },
    save: () => {
      for (const row of rows) row.saved = true;
      changed();
    },
  };
  let saved;
  window.acquireVsCodeApi = () => ({
    postMessage: (message) => {
      sent.push(message);
      setTimeout(() => receive(structuredClone(message)), window.__host.latency);
    },
    getState: () => saved,
    setState: (state) => (saved = state),
  });
})();
