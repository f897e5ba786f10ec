// Liu et al. 2017: shared and private LSTMs, adversarial over tasks, orthogonal spaces.
// "Adversarial multi-task learning for text classification". The discriminator of tasks reads the
// shared LSTM (weight 0.05) and is also trained on unlabelled text. ||S^T H||^2 (weight 0.01) keeps
// the private states apart from the shared ones.
// In the paper: 16 sets of reviews as tasks, all with unlabelled text; classification of the last
// state.
// Here: tagging; domains instead of tasks, as MSRA has no unlabelled text; max-pooling instead of
// the last state. S^T H is divided by the number of characters of a sentence, as its sum over long
// sentences would dominate every other loss.
local papers = import '../lib/papers.libsonnet';
papers.config({ msra: 1, reviews: 1 }, {
  type: 'adversarial',
  objectives: [
    { type: 'domain_adversarial', weight: 0.05, pooling: 'max', reversal: { type: 'constant', scale: 1.0 } },
    { type: 'orthogonality', weight: 0.01 },
  ],
}) + papers.reversal_health
