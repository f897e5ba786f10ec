// Wang et al. 2021: distillation of distributions over tag paths, by expectations.
// "Structural Knowledge Distillation: Tractably Distilling Information for Structured Predictor".
// In the paper: a large teacher and a small student, of the same or of another kind, with unlabelled
// text. Here: the teacher is the model itself after half of the steps, and labels Weibo and reviews.
// Both stages have 300 steps. `teachers` names other archives; `threshold` and rounds:
// real/weibo_self_training.jsonnet.
local recipe = import '../lib/recipe.libsonnet';
local papers = import '../lib/papers.libsonnet';
papers.config({ reviews: 1 }, recipe.hard_sharing) + {
  dataset_reader+: { readers+: { reviews+: { max_instances: 2700 } } },
  stages: [
    {
      name: 'teacher',
      datasets: ['weibo'],
      data_loader: { sampler: { type: 'proportional' } },
      trainer: { num_epochs: 7 },
    },
    {
      name: 'student',
      model: { objectives: [{ type: 'distillation', head: 'weibo' }] },
      trainer: { num_epochs: 5 },
    },
  ],
}
