// Corpora by name: how each is read, its domain, and its files under NER_DATA.
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
}
