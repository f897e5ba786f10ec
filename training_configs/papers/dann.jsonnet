// Ganin & Lempitsky 2015: one extractor for both domains, and a domain classifier (DANN).
// "Unsupervised domain adaptation by backpropagation". The scale of the reversal before the
// classifier grows to 1 by 2 / (1 + exp(-10 p)) - 1, while the classifier itself learns at the full
// rate. Half of every batch is from the source, half from the target.
// In the paper: images, a target without labels, SGD with momentum. Here: Weibo is the target, and
// its sentences are labelled.
local papers = import '../lib/papers.libsonnet';
papers.config({ msra: 1 }, papers.one_tower() + {
  objectives: [{
    type: 'domain_adversarial',
    reads: ['shared'],
    weight: 1.0,
    hidden_size: 128,
    pooling: 'mean',
    reversal: { type: 'dann', scale: 1.0 },
  }],
}) + papers.reversal_health + {
  data_loader+: { scheduler: { type: 'half_and_half', target: 'weibo', batch_size: 32 } },
}
