"""Names of public corpora by fingerprint, for `allennlp audit`; see `SplitSummary`."""

KNOWN_CORPORA = {
    "6f020c60a90f175e601706e0aaa32299639fffefeb31ffd964016a10d9a58a7e": (
        "MSRA NER train (SIGHAN 2006)"
    ),
    "56eac4838bef9f6dc7221fbd05ba9c62198e12e68ad549073c03f811b85dbb9a": (
        "MSRA NER test (SIGHAN 2006)"
    ),
    "ca5d3a4f8a7b02b005e53967f82a66b45e0cf9fec82faea3c3452577adaa6905": (
        "substitute for People's Daily NER train, drawn from MSRA train"
    ),
    "3e4585bedad6d52c85a571f270fa4e852c9627c2ee9d584599c74b0e5a022bf9": (
        "People's Daily NER dev, as circulated"
    ),
    "c35ed7b8a1370cff38563567f503d898d36b1327f98e72607c92d00cd378ee03": (
        "People's Daily NER test, as circulated"
    ),
    "0138e596d9938a5a4ece8dfd8977822292a6bfc566a395348a7fe7df4a8b2566": (
        "Weibo NER train, second edition"
    ),
    "43e516331b101eb9a1dea497a4eec4e5265c213700269fa4a045421a0b77d839": (
        "Weibo NER dev, second edition"
    ),
    "5bdaae461f3e67d93afa182c68f87f3dde1883a0f7b493b2f40cddbb43d63cd4": (
        "words of Weibo NER train, second edition"
    ),
    "2c134e62d8bcdc86ebb2a4027a27275d3a12e6204b44f8a31c656cc17835c263": (
        "words of Weibo NER dev, second edition"
    ),
    "7c64431bb02eb567b944ca671a04f7927b1f6e04aeb028b79c3bbc18ccb78aa8": (
        "MSR segmentation test (SIGHAN 2005)"
    ),
    "4642d636d8ddb38ff11a475557024892cbed22af1126c6f979a183266374260d": (
        "PKU segmentation test (SIGHAN 2005)"
    ),
    "6886a7b541f4872367e9e17692a70eff6350387f053b03b1fe9980c1cd895fee": (
        "SXU segmentation train (SIGHAN 2008)"
    ),
    "706969dab5ea09c317bedf218c194c8f8195e41cee3299f32916a41b5bfe4f32": (
        "SXU segmentation test (SIGHAN 2008)"
    ),
    "61c6e2c6db039050e2412996bb443c5ba6cf71c0e444c5cdf8fa3081cf415837": (
        "entities of PFR People's Daily, January 1998"
    ),
    "0408df980100f62ea2f462efdff84e3ffb45fa4254a8c91a8cffb3e7de2c6eac": (
        "words of PFR People's Daily, January 1998"
    ),
    "a46d92ccda0985ce3f7431b511ae21dd5f40400d88b68a9a42ecffe490f0142c": (
        "product reviews without labels"
    ),
}
