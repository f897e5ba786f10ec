// Weibo reads what the towers of MSRA entities and MSR segmentation learn, not the other way round.
local recipe = import 'lib/recipe.libsonnet';
recipe.config('weibo', { msra: 1, msr: 1 }, recipe.asymmetric('weibo', ['msra', 'msr'])) + recipe.small
