// Ganin & Lempitsky 2015, "Unsupervised domain adaptation by backpropagation": one extractor for both domains, a domain
// classifier behind a reversal whose scale grows by 2 / (1 + exp(-10 p)) - 1 to 1, which learns at full rate itself;
// half of every batch is of the source, half of the target.
// Theirs: images, the target without labels, SGD with momentum. Here: Weibo's sentences are the target's half, and taught.
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
