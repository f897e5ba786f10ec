// The article's multi-task model with asymmetric sharing.
// As article_mtl_hard, but the head of the target also reads the states of the BiLSTM of words.
local recipe = import '../lib/recipe.libsonnet';
local papers = import '../lib/papers.libsonnet';
papers.config({ sxu: 1 }, recipe.asymmetric('weibo', ['sxu'])) + papers.article(logits=500, units=128)
