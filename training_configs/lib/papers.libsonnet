// Common settings of the recipes of papers, so that their scores differ only by the method: Weibo
// as target, the encoder, the learning rates, and 600 steps of 32 sentences, for any number of
// datasets. A comment in each recipe lists the differences from the paper.
local recipe = import 'recipe.libsonnet';

{
  // auxiliaries: { name: number of sentences, relative to Weibo }.
  config(auxiliaries={}, model):: recipe.config('weibo', auxiliaries, model, test=false) + {
    data_loader+: { sampler: {
      type: 'weighted',
      weights: { weibo: 1 } + auxiliaries,
      instances_per_epoch: 60 * 32,
    } },
  } + recipe.few_sentences + { trainer+: { num_epochs: 10 } },

  // Batches of one dataset each, alternating.
  alternating:: { data_loader+: { scheduler: { type: 'homogeneous_roundrobin', batch_size: 32 } } },

  // Batches with the same number of sentences of every dataset.
  balanced:: { data_loader+: { scheduler: { type: 'balanced', batch_size: 32 } } },

  // Weight decay of the transitions of CRFs.
  decayed_transitions:: {
    trainer+: { optimizer+: { parameter_groups+: [[['transitions$'], { weight_decay: 0.01 }]] } },
  },

  // One tower that all heads read.
  one_tower(tower={ type: 'lstm', hidden_size: 128, bidirectional: true }):: {
    type: 'hard_sharing',
    towers: { shared: tower },
    head+: { reads: ['shared'] },
  },

  // Unlabelled text, at most twice as many sentences as Weibo's training set; all of it is tagged
  // again before every epoch.
  self_training(head):: {
    dataset_reader+: { readers+: { reviews+: { max_instances: 2700 } } },
    trainer+: { instance_weighting+: { reviews: { type: 'confidence', head: head } } },
  },

  // Instance weights of MSRA sentences by their similarity to Weibo.
  by_similarity:: { trainer+: { instance_weighting+: { msra: { type: 'domain_similarity', target: 'weibo' } } } },

  // A warning if the reversal has no effect on the shared tower.
  reversal_health:: { trainer+: { callbacks: [{ type: 'reversal_health' }] + super.callbacks } },

  // The discriminator of DATNet, and its perturbation of the embeddings: 0.2 of the norm of an
  // embedding.
  datnet_objectives:: [{
    type: 'domain_adversarial',
    reads: ['shared'],
    weight: 1.0,
    pooling: 'self_attention',
    loss: { type: 'grad', alpha: { news: 0.25, social: 0.75 }, gamma: 2 },
    reversal: { type: 'constant', scale: 0.7 },
  }],
  datnet_step:: { trainer+: { step: { type: 'perturbed', attack: { type: 'fgm', epsilon: 0.2, relative: true } } } },

  // The optimizer of the article: learning rates per layer, up to 500 times that of the encoder.
  // logits: the rate of the logits, as a multiple of the encoder's.
  // units: of an LSTM, per direction.
  article(logits, units):: {
    local rate = 5e-6,
    model+: { tower: { type: 'lstm', hidden_size: units, bidirectional: true } },
    trainer+: {
      grad_norm: 1.0,
      optimizer: {
        type: 'huggingface_adamw',
        lr: logits * rate,
        weight_decay: 0.01,
        parameter_groups: [
          [['^encoder\\.'], { lr: rate }],
          [['^towers\\.'], { lr: 100 * rate }],
          [['\\.crf\\.'], { lr: 500 * rate }],
        ],
      },
    },
  },
}
