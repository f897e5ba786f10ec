// He & Sun 2017 (see he_sun_2017_cross_domain), semi-supervised: before every epoch the model tags text without labels,
// which teaches it as much as the model is sure of its tags.
// Theirs: posts of Weibo, 1 to 5 times as many as labelled; the weight is (y1 - y2) / y1 of the best paths' scores.
// Here: reviews, twice as many as Weibo's sentences at most; the weight is P(y1) - P(y2), as the ratio depends on how scores
// happen to be shifted (`measure: 'ratio'` gives it); the first epoch learns from Weibo alone.
local recipe = import '../lib/recipe.libsonnet';
local papers = import '../lib/papers.libsonnet';
papers.config({ reviews: 1 }, recipe.hard_sharing) + papers.self_training('weibo')
