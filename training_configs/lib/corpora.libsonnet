// Corpora by name: reader, domain, and files under NER_DATA.
local data = std.extVar('NER_DATA');

{
  weibo: {
    reader: { type: 'weibo', domain: 'social' },
    train: data + '/weibo/weiboNER_2nd_conll.train',
    validation: data + '/weibo/weiboNER_2nd_conll.dev',
    test: data + '/weibo/weiboNER_2nd_conll.test',
  },
  msra: {
    reader: { type: 'msra', domain: 'news' },
    train: data + '/msra/train.bio',
    test: data + '/msra/test.bio',
  },
  people_daily: {
    reader: { type: 'people_daily', domain: 'news' },
    train: data + '/people_daily/surrogate.train',
    validation: data + '/people_daily/example.dev',
    test: data + '/people_daily/example.test',
  },
  // Types: address, book, company, game, government, movie, name, organization, position, scene.
  cluener: {
    reader: { type: 'span_json', domain: 'news' },
    train: data + '/cluener/train.json',
    validation: data + '/cluener/dev.json',
  },
  pfr_ner: {
    reader: { type: 'pfr', domain: 'news' },
    train: data + '/pfr/199801.txt',
  },
  // The words of corpora that also annotate entities.
  pfr_cws: {
    reader: { type: 'pfr', task: 'segmentation', domain: 'news' },
    train: data + '/pfr/199801.txt',
  },
  weibo_cws: self.weibo { reader+: { task: 'segmentation' } },
  msr: {
    reader: { type: 'msr', domain: 'news' },
    train: data + '/msr/msr_training.utf8',
    test: data + '/msr/msr_test_gold.utf8',
  },
  sxu: {
    reader: { type: 'sighan_cws', domain: 'news' },
    train: data + '/sxu/train.utf8',
    test: data + '/sxu/test_gold.utf8',
  },
  pku: {
    reader: { type: 'sighan_cws', domain: 'news' },
    train: data + '/pku/pku_training.utf8',
    test: data + '/pku/pku_test_gold.utf8',
  },
  // Unlabelled reviews.
  reviews: {
    reader: { type: 'unlabelled', domain: 'social' },
    train: data + '/unlabelled/reviews.txt',
  },
}
