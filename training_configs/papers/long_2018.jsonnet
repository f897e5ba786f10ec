// Long et al. 2018: CDAN+E, a discriminator that also reads what a head predicts.
// "Conditional Adversarial Domain Adaptation". It reads the outer product of states and
// predictions, so that domains are aligned tag by tag; sentences with certain predictions count
// more. The scale of the reversal grows to 1 as in dann.
// In the paper: one prediction for an image, a target without labels, two hidden layers of 1,024
// units, SGD with momentum. Here: the tags of characters, averaged over a sentence; of the head of
// MSRA, whose names stand in both corpora; Weibo's sentences are labelled.
local papers = import '../lib/papers.libsonnet';
papers.config({ msra: 1 }, papers.one_tower() + {
  objectives: [{
    type: 'conditional_adversarial',
    head: 'msra',
    reads: ['shared'],
    weight: 1.0,
    hidden_size: 128,
    entropy_weights: true,
    reversal: { type: 'dann', scale: 1.0 },
  }],
}) + papers.reversal_health + {
  data_loader+: { scheduler: { type: 'half_and_half', target: 'weibo', batch_size: 32 } },
}
