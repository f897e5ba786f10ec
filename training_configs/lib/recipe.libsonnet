// Whole configs from a target corpus, auxiliary corpora and a model.
local corpora = import 'corpora.libsonnet';

{
  // target: the corpus that is scored.
  // auxiliaries: { name: number of sentences per epoch, relative to the target }.
  // validate, test: whether the target has a validation and a test file.
  config(target, auxiliaries={}, model, validate=true, test=true)::
    local names = [target] + std.objectFields(auxiliaries);
    {
      dataset_reader: { type: 'multitask', readers: { [name]: corpora[name].reader for name in names } },
      train_data_path: { [name]: corpora[name].train for name in names },
      [if validate then 'validation_data_path']: { [target]: corpora[target].validation },
      [if test then 'test_data_path']: { [target]: corpora[target].test },
      evaluate_on_test: test,
      random_seed: std.parseInt(std.extVar('NER_SEED')),
      numpy_seed: self.random_seed,
      pytorch_seed: self.random_seed,
      model: {
        encoder: { type: 'pretrained_transformer', model_name: std.extVar('NER_ENCODER'), dropout: 0.1 },
        tower: { type: 'lstm', hidden_size: 128, bidirectional: true },
        // The loss of a whole sentence: normalised per character, entities in long sentences would
        // have less weight.
        head: { type: 'crf', dropout: 0.2, normalize_by: 'sentences' },
      } + model,
      data_loader: {
        type: 'multitask',
        scheduler: { type: 'roundrobin', batch_size: 32 },
        sampler: { type: 'weighted', weights: { [target]: 1 } + auxiliaries, anchor: target },
        leakage: 'drop',
      },
      trainer: {
        type: 'gradient_descent',
        num_epochs: 10,
        [if validate then 'validation_metric']: '+' + target + '_f1',
        grad_norm: 5.0,
        // For a small encoder: a fresh tower and CRF hardly learn at 1e-3 in some hundred updates.
        optimizer: { type: 'huggingface_adamw', lr: 5e-3, parameter_groups: [[['^encoder\\.'], { lr: 1e-4 }]] },
        learning_rate_scheduler: { type: 'linear_with_warmup', warmup: 0.1 },
        callbacks: [{ type: 'tensorboard' }],
      },
    },

  // Learning rates for the small encoder of the fixtures.
  small:: {
    trainer+: {
      optimizer: { type: 'huggingface_adamw', lr: 3e-3, parameter_groups: [[['^encoder\\.'], { lr: 7e-4 }]] },
    },
  },

  // Some thousand target sentences.
  few_sentences:: { trainer+: { num_epochs: 12 } },

  adversarial(scale=1.0, discriminates='domain'):: {
    type: 'adversarial',
    objectives: [{
      type: 'domain_adversarial',
      reads: ['shared'],
      discriminates: discriminates,
      weight: 0.06,
      pooling: 'max',
      dropout: 0.2,
      reversal: { type: 'dann', scale: scale },
    }],
  },

  // Weibo and MSRA on one head: MSRA annotates only names; geo-political entities are locations.
  one_head:: {
    dataset_reader+: { readers+: {
      weibo+: {
        head: 'entities',
        type_map: {
          'PER.NAM': 'PER',
          'LOC.NAM': 'LOC',
          'GPE.NAM': 'LOC',
          'ORG.NAM': 'ORG',
          'GPE.NOM': 'LOC.NOM',
        },
      },
      msra+: { head: 'entities' },
    } },
    trainer+: { validation_metric: '+entities_f1' },
  },

  // First the sources alone, then the target alone with the weights of the sources' last epoch. All
  // heads read one tower, which so passes from the sources to the target.
  // epochs: of the first stage.
  staged(target, sources, epochs):: {
    model+: { towers: { entities: { type: 'lstm', hidden_size: 128, bidirectional: true } }, head+: { reads: ['entities'] } },
    stages: [
      {
        name: 'source',
        datasets: sources,
        weights: 'last',
        data_loader: { sampler: { type: 'proportional' } },
        trainer: { num_epochs: epochs, validation_metric: '-loss' },
      },
      { name: 'target', datasets: [target], data_loader: { sampler: { type: 'proportional' } } },
    ],
  },

  // First a masked language model of raw text, whole words at a time, then the target alone.
  // epochs: of the first stage.
  raw_text_first(target, text, epochs):: {
    dataset_reader+: { readers+: { [text]+: { head: text } } },
    model+: { heads: { [text]: { type: 'masked_lm', segmenter: 'jieba' } } },
    stages: [
      {
        name: 'text',
        datasets: [text],
        weights: 'last',
        data_loader: { sampler: { type: 'proportional' } },
        trainer: { num_epochs: epochs, validation_metric: '-loss' },
      },
      { name: 'entities', datasets: [target], data_loader: { sampler: { type: 'proportional' } } },
    ],
  },

  // First the target alone, then rounds in which the model of the stage before labels raw text.
  // rounds: how many; epochs: of each.
  self_training(target, text, rounds, epochs, threshold):: {
    dataset_reader+: { readers+: { [text]+: { max_instances: 2700 } } },
    stages: [
      { name: 'supervised', datasets: [target], data_loader: { sampler: { type: 'proportional' } } },
    ] + [
      {
        name: 'round' + i,
        model: { objectives: [{ type: 'distillation', head: target, threshold: threshold }] },
        trainer: { num_epochs: epochs },
      }
      for i in std.range(1, rounds)
    ],
  },

  single:: { type: 'crf_tagger' },
  hard_sharing:: { type: 'hard_sharing' },
  asymmetric(target, sources):: { type: 'asymmetric', sources: { [target]: sources } },
}
