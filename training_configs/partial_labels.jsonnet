// Weibo and MSRA on one head, though they mark different things: MSRA no nominal mentions such as "teacher". Its O may
// be one of those, so that it teaches names and says nothing of nominals; its scores, if asked for, count names alone.
local recipe = import 'lib/recipe.libsonnet';
recipe.config('weibo', { msra: 1 }, recipe.hard_sharing) + recipe.small + recipe.one_head + {
  dataset_reader+: { readers+: { msra+: { annotated_types: ['PER', 'LOC', 'ORG'] } } },
}
