// The scripted host of the evaluation panel: answers its protocol in the page, as src/ui does behind a real webview.
// `scenario` is put in front of this text by the server.
/* global scenario */
(() => {
  const sent = [];
  const violations = [];
  let view = scenario.view;
  let saved;
  const emit = (message) => window.dispatchEvent(new MessageEvent('message', { data: structuredClone(message) }));

  function receive(message) {
    switch (message.type) {
      case 'ready':
        emit({ type: 'view', view });
        break;
      case 'selectQuery':
        emit({
          type: 'movement',
          movement: scenario.movements.find((m) => m.query_id === message.queryId) ?? null,
        });
        break;
      case 'setMetric':
        view = {
          ...view,
          results: { ...view.results, comparison: { ...view.results.comparison, metric: message.metric } },
        };
        emit({ type: 'view', view });
        break;
    }
  }

  document.addEventListener('securitypolicyviolation', (e) =>
    violations.push(`${e.violatedDirective}: ${e.sourceFile ?? ''} ${e.sample} ${e.blockedURI}`),
  );
  window.__host = {
    sent,
    violations,
    emit,
    setView: (change) => {
      view = { ...view, ...change };
      emit({ type: 'view', view });
    },
  };
  window.acquireVsCodeApi = () => ({
    postMessage: (message) => {
      sent.push(message);
      setTimeout(() => receive(structuredClone(message)), 0);
    },
    getState: () => saved,
    setState: (state) => (saved = state),
  });
})();
