// What do sources add if both arms are tuned? The first and last arm of weibo_best.jsonnet; learning
// rates of each are chosen from the same six pairs. Of the stages, the last one is tuned.
// NER_DATA and NER_ENCODER name the corpora and the encoder, as for training_configs/real.
local study = import 'weibo_best.jsonnet';
study {
  arms: { [name]: study.arms[name] for name in ['single', 'best'] },
  tune_arms: {
    trials: 6,
    space: {
      'trainer.optimizer.lr': { choices: [2e-3, 5e-3] },
      'trainer.optimizer.parameter_groups.0.1.lr': { choices: [5e-5, 1e-4, 2e-4] },
    },
  },
}
