// Weibo reads the towers of MSRA entities and MSR words, but not vice versa.
local recipe = import 'lib/recipe.libsonnet';
recipe.config('weibo', { msra: 1, msr: 1 }, recipe.asymmetric('weibo', ['msra', 'msr'])) + recipe.small
