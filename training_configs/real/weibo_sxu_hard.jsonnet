// Weibo with SXU words, sharing the encoder.
local recipe = import '../lib/recipe.libsonnet';
recipe.config('weibo', { sxu: 2 }, recipe.hard_sharing, test=false) + recipe.few_sentences
