# SPDX-License-Identifier: Apache-2.0
# A thin front of Meson: see HACKING.md. Nothing is decided here but the order of things.
BUILD    ?= build
PREFIX   ?= /usr
SOURCES   = $(shell git ls-files '*.c' '*.h')

.PHONY: all deps build demo check check-full bench lint format asan lab install clean
all: build

deps:
	tools/deps

$(BUILD)/build.ninja: | deps
	meson setup $(BUILD) --prefix=$(PREFIX) --sysconfdir=/etc --localstatedir=/var

build: deps $(BUILD)/build.ninja
	meson compile -C $(BUILD)

demo: build
	tools/demo $(BUILD)

check: build
	tools/check $(BUILD)

check-full: build
	tools/check $(BUILD) unit program scenario full

lab: build
	$(BUILD)/lab/aerostat-lab $(FILE)

bench: build
	tools/bench $(BUILD)

bench-%: build
	tools/bench $(BUILD) $*

format:
	clang-format -i $(SOURCES)

lint: deps
	tools/lint

asan: deps
	tools/asan

install: build
	meson install -C $(BUILD) --no-rebuild

clean:
	rm -rf $(BUILD) build-*
