// He & Sun 2017, semi-supervised: self-training on unlabelled text, weighted by confidence.
// See he_sun_2017_cross_domain. Before every epoch the model tags the unlabelled text; the instance
// weight of a sentence is the model's confidence in its tags.
// In the paper: Weibo posts, 1 to 5 times as many as labelled ones; the weight is (y1 - y2) / y1
// for the scores of the two best paths.
// Here: reviews, at most twice as many as Weibo sentences. The weight is P(y1) - P(y2), as the
// ratio changes if a constant is added to the scores (`measure: 'ratio'` computes it). The first
// epoch uses Weibo alone.
local recipe = import '../lib/recipe.libsonnet';
local papers = import '../lib/papers.libsonnet';
papers.config({ reviews: 1 }, recipe.hard_sharing) + papers.self_training('weibo')
