local data = std.extVar('NER_DATA');
local encoder = std.extVar('NER_ENCODER');
{
  dataset_reader: { type: 'multitask', readers: {
    weibo: { type: 'weibo', domain: 'social' },
    msra: { type: 'msra', domain: 'news' },
    msr: { type: 'msr', domain: 'news' },
  } },
  train_data_path: { weibo: data + '/weibo/weiboNER_2nd_conll.train', msra: data + '/msra/train.bio', msr: data + '/msr/msr_training.utf8' },
  validation_data_path: { weibo: data + '/weibo/weiboNER_2nd_conll.dev' },
  test_data_path: { weibo: data + '/weibo/weiboNER_2nd_conll.test' },
  evaluate_on_test: true,
  model: { type: 'adversarial', encoder: { type: 'pretrained_transformer', model_name: encoder } },
  data_loader: { type: 'multitask', scheduler: { type: 'roundrobin', batch_size: 32 }, sampler: { type: 'proportional', alpha: 0.5, anchor: 'weibo' } },
  trainer: { num_epochs: 10, validation_metric: '+weibo_f1', grad_norm: 1.0,
    optimizer: { type: 'huggingface_adamw', lr: 3e-3, parameter_groups: [[['^encoder\\.'], { lr: 5e-4 }]] },
    learning_rate_scheduler: { type: 'linear_with_warmup', warmup: 0.1 }, callbacks: ['tensorboard'] },
}
