// What the recipes of papers share, so that their scores differ by the method alone: Weibo as target, the encoder, the
// rates, and 600 steps of 32 sentences, whatever the number of datasets. A comment in each says what else its paper did.
local recipe = import 'recipe.libsonnet';

{
  // auxiliaries: { name: sentences, in sentences of Weibo }.
  config(auxiliaries={}, model):: recipe.config('weibo', auxiliaries, model, test=false) + {
    data_loader+: { sampler: {
      type: 'weighted',
      weights: { weibo: 1 } + auxiliaries,
      instances_per_epoch: 60 * 32,
    } },
    trainer+: { num_epochs: 10 },
  },

  // Batches of one dataset each, which take turns.
  alternating:: { data_loader+: { scheduler: { type: 'homogeneous_roundrobin', batch_size: 32 } } },

  // Batches of equally many sentences of every dataset.
  balanced:: { data_loader+: { scheduler: { type: 'balanced', batch_size: 32 } } },

  // The transitions of CRFs pulled to 0.
  decayed_transitions:: {
    trainer+: { optimizer+: { parameter_groups+: [[['transitions$'], { weight_decay: 0.01 }]] } },
  },

  // One tower that all heads read.
  one_tower(tower={ type: 'lstm', hidden_size: 128, bidirectional: true }):: {
    type: 'hard_sharing',
    towers: { shared: tower },
    head+: { reads: ['shared'] },
  },

  // Text without labels, at most twice Weibo's training sentences of it: all of it is tagged anew before every epoch.
  self_training(head):: {
    dataset_reader+: { readers+: { reviews+: { max_instances: 2700 } } },
    trainer+: { instance_weighting+: { reviews: { type: 'confidence', head: head } } },
  },

  // Sentences of MSRA teach as much as they are like Weibo's.
  by_similarity:: { trainer+: { instance_weighting+: { msra: { type: 'domain_similarity', target: 'weibo' } } } },

  // Whether the reversal does anything to the shared tower.
  reversal_health:: { trainer+: { callbacks: [{ type: 'reversal_health' }] + super.callbacks } },

  // DATNet's discriminator and its perturbation of the embeddings.
  datnet_objectives:: [{
    type: 'domain_adversarial',
    reads: ['shared'],
    weight: 1.0,
    pooling: 'self_attention',
    loss: { type: 'grad', alpha: { news: 0.25, social: 0.75 }, gamma: 2 },
    reversal: { type: 'constant', scale: 0.7 },
  }],
  datnet_step:: { trainer+: { step: { type: 'perturbed', attack: { type: 'fgm', epsilon: 5.0 } } } },

  // The article's training: rates that differ by layer up to 500 times, the encoder's the lowest.
  // logits: times the encoder's rate. units: of an LSTM a direction.
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
