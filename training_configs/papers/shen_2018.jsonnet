// Shen et al. 2018: WDGRL, a critic of the Wasserstein distance between domains.
// "Wasserstein Distance Guided Representation Learning for Domain Adaptation". The critic has one
// hidden layer of 100 units and a gradient penalty of 10. Half of every batch is from the source,
// half from the target.
// In the paper: reviews and images, a target without labels, several steps of the critic for each
// step of the features. Here: Weibo's sentences are labelled; both learn in every step, the critic
// at twice the rate.
local papers = import '../lib/papers.libsonnet';
papers.config({ msra: 1 }, papers.one_tower() + {
  objectives: [{
    type: 'wasserstein',
    reads: ['shared'],
    weight: 1.0,
    pooling: 'mean',
    hidden_size: 100,
    penalty: 10,
    reversal: { type: 'constant', scale: 1.0 },
  }],
}) + papers.reversal_health + {
  data_loader+: { scheduler: { type: 'half_and_half', target: 'weibo', batch_size: 32 } },
  trainer+: { optimizer+: { parameter_groups+: [[['^objectives\\.'], { lr: 1e-2 }]] } },
}
