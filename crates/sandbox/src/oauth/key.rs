//! The key that signs id tokens. It is no secret: it stands here, and anybody may have it.

/// An RSA key of 2048 bits in PKCS #8 (RFC 5208), in base 64. Making one takes longer than a test may, and a world whose
/// key differed from run to run would not be deterministic.
pub(super) const PKCS8: &str = "\
    MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7S5PnLlG2Mvb+qYapYd21eDu9me8mdU2KLlEuCuVerWAM+sMs\
    cuN5AXiylWkeHJEvTfU1i2UInAX2hTBi8oKydHomOFd5OLKHqwgSsvI/KhI7+lTPP/fMd4ZbK2lAgvvl82aTzzbLvSASjMkHqGhB\
    loADjsTzW4Fl+w8qmDs1ePJsBBfu62mnUdGSH7P0eqVQsQaE891HbWdcoTiu9jvEgIovKSIR0YdMdPmX9Oz0TSED9ZUvprr6ZZu9\
    DwPb+Nta0VsSx0dPkNIi7FCII/IuSuVWJSR2UvUvcO+/V51zOCcVViMjeDIXlx9Nl8FgAVPxokSyzG664Pz5XA2wEZ+5AgMBAAEC\
    ggEAA8ytM+/nHXScOR9USYRgPImzYI3KYbPYflihMfdrnseSnsDJi9HK1o4WljzctI0sztJcipkI1CtiHZWnHSLBTwB45+SVtbJW\
    QNVR5Rs3OdvPIeNarBemncHA+oF/cZ0WohwVdSMrf+eWynmLrHmYn9f/QdM4IJ23GswEiz8qWFPSYdK+WTwZZORn7/zrrjT3fjqQ\
    lhJg24IrJQZRgbePsB1pNqlw1APtKyPMhiuWlKZIGLk2JRcw4MgeP+TVZ76y+4IJyIvSVjC36v0XmGfo2H6pujro5C9t1BzpwCfG\
    u3Vgt4C33QT+FK4sRW5fmEft7YH6k6qeeZM7Xlizf+YLFwKBgQDsypDPF7lmTSreGhEUwrYdsheRBIgmWMyQZyJwzE5IWrm0byye\
    hOxgJvCueeWkALG1M7b7Z0NABEV4O9ZZc81pKwJNidRDlbxRT2ug8sK2GC2AmhqerJuSIWH8qnjRoDHQi5rzaJPwsra1UeTxIlNq\
    607+zZfNTosRvwt+FBMd+wKBgQDKfSE5P3kjB2SBNXX9ngz82NX02XvOcgqFqgV3S30HmO7rTUp//yBsjKKvcZs5Hc2Isgzyfebn\
    eHwsXCOF/8kaiPUGrtyzbcLEeAmr7OT9PG5qb3mBoTfp7j2S40hWUkgPs4cgYFKqZhRRBwgDbjK7ZtAIDsJrRzqu8YQZRBXO2wKB\
    gQDL26FMCZq+LlVnnX1zKCbt7fNIEGS+zthewcvu3JXQyPr0EnqRhtKR/TRcoelIhqh33iv8yOwm4waD+tARdxczIan741txTCoy\
    vnNkv1tOtgYGn6WnUeclqcPYaVNW9dmtN2ORh0lGgjW2aOj3iJvUgv0hdRLp2GL2Rkm4o8PJnQKBgF1WGndqA6ua38ATZYT3UqNG\
    TDFmAoSh2qnMOmLH4CUdYJwD76BaeJawqNjYNCW60B//eqpYUJRH3G0SN6mvwwJBOTjQZ5kpsgqgDk06kD8OmRLkuYyARObG04ke\
    zRxFJ0Rdi57n55L2JM1IwW/bXvU1KhVcwE908N7tIugGk0rbAoGAaJbearEmumf23HhgqmtyTsEK6OdtoLUZZgMGbXNCe9A2iQ2A\
    4V314LP4z5Q+nh93F6W2WC5HwoMr/5kfTzbMLIPbioyb36f/dE2ZDMyb1VtWx6Bs8aqCbeM1hgVATXltfA3veKGziQKzO04/rRnG\
    +kpszzEjzbKucbK9ReGRJYo=";
