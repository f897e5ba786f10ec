// First a masked language model of reviews, then Weibo with its encoder.
local recipe = import '../lib/recipe.libsonnet';
recipe.config('weibo', { reviews: 1 }, recipe.hard_sharing, test=false) + recipe.few_sentences + recipe.raw_text_first('weibo', 'reviews', 1)
