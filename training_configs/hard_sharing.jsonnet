// Weibo with MSRA entities and MSR words, sharing the encoder.
local recipe = import 'lib/recipe.libsonnet';
recipe.config('weibo', { msra: 1, msr: 1 }, recipe.hard_sharing) + recipe.small
