select hubline.renew_epoch()
