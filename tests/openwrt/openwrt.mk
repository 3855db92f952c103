# Stands in for OpenWrt's rules.mk, package.mk and rust-package.mk: gives the package Makefile what it uses of them, and
# installs what it says into DESTINATION.

INSTALL_DIR:=install -d -m0755
INSTALL_BIN:=install -m0755
INSTALL_CONF:=install -m0600
INSTALL_DATA:=install -m0644
RUST_ARCH_DEPENDS:=@(x86_64)

define BuildPackage
ifeq ($(1),$(PKG_NAME))
install:
	$$(call Package/$(1)/install,$$(DESTINATION))
conffiles:
	@echo $$(Package/$(1)/conffiles)
endif
endef
