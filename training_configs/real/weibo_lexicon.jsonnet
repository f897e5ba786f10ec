// Weibo alone, with the words of SXU as a lexicon between the encoder and the tower.
local corpora = import '../lib/corpora.libsonnet';
local recipe = import '../lib/recipe.libsonnet';
local single = recipe.config('weibo', model=recipe.single, test=false) + recipe.few_sentences;
single {
  model+: { encoder: {
    type: 'lexicon',
    encoder: single.model.encoder,
    words: [{ type: 'corpus', reader: corpora.sxu.reader, path: corpora.sxu.train }],
  } },
  // The embeddings of words are new, like the tower and the head.
  trainer+: { optimizer+: { parameter_groups: [[['^encoder\\.encoder\\.'], { lr: 1e-4 }]] } },
}
