// First Weibo alone, then two rounds in which the model of the stage before labels reviews.
local recipe = import '../lib/recipe.libsonnet';
recipe.config('weibo', { reviews: 1 }, recipe.hard_sharing, test=false) + recipe.few_sentences + recipe.self_training('weibo', 'reviews', 2, 6, 0.5)
