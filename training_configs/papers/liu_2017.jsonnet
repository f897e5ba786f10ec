// Liu et al. 2017, "Adversarial multi-task learning for text classification": shared and private LSTMs, a discriminator
// of tasks on the shared one (weight 0.05), which text without labels feeds, too, and ||S^T H||^2 (weight 0.01), which
// keeps the private states apart from the shared.
// Theirs: 16 review sets as tasks, which all have unlabelled text; classes from a last state. Here: tags; domains in
// place of tasks, as MSRA has no unlabelled text; max-pooling in place of the last state; S^T H is divided by a sentence's
// characters, as its sum over long sentences of large states dwarfs every other loss.
local papers = import '../lib/papers.libsonnet';
papers.config({ msra: 1, reviews: 1 }, {
  type: 'adversarial',
  objectives: [
    { type: 'domain_adversarial', weight: 0.05, pooling: 'max', reversal: { type: 'constant', scale: 1.0 } },
    { type: 'orthogonality', weight: 0.01 },
  ],
}) + papers.reversal_health
