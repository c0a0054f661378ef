#!/bin/sh
# Renders the spoken lines of the scripted calls and the product's two filler clips: raw 8 kHz mu-law, one file a line.
# Needs flite and sox (Debian: apt-get install flite sox). Run from anywhere: sh calls/emulators/audio/render.sh
# The same versions give the same bytes; see README.md for the licence of the voices.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
clips=$here/../../relay/clips
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

SPEECH_LEVEL=-20 # dBov, RMS over the trimmed line

# render VOICE FILE TEXT
render() {
    flite -voice "$1" -t "$3" -o "$scratch/spoken.wav"
    # Trim both ends to 30 ms around the speech, cut what a telephone line would not carry.
    sox -D -R "$scratch/spoken.wav" -r 8000 -c 1 -b 16 "$scratch/line.wav" \
        highpass 150 silence 1 0.02 0.3% reverse silence 1 0.02 0.3% reverse pad 0.03 0.03
    level=$(sox "$scratch/line.wav" -n stats 2>&1 | awk '/^RMS lev dB/ {print $4}')
    gain=$(awk -v have="$level" -v want="$SPEECH_LEVEL" 'BEGIN {printf "%.2f", want - have}')
    sox -D -R "$scratch/line.wav" -t raw -e mu-law -b 8 "$2" gain -l "$gain"
}

caller() { render rms "$here/caller_$1.ulaw" "$2"; }
agent() { render slt "$here/agent_$1.ulaw" "$2"; }

caller leak "Hi, my kitchen tap is dripping and I would like somebody to call me back."
caller name "This is Robert Miller."
caller after_four "Sorry, after four in the afternoon is best for me."
caller goodbye "No, that is everything, thank you, goodbye."
caller hours "When are you open on Saturday?"

agent greeting "Thanks for calling Cedar Plumbing. This is Cortana, an automated assistant. How can I help you today?"
agent ask_name "I am sorry to hear about your tap. Who should we call back?"
agent long "Thank you, Robert. Our plumbers are on the road from eight in the morning until six in the evening, Monday to Friday, and on Saturday until noon, and as a rule one of them calls back within two hours."
agent note "After four, then. I am writing that down."
agent noted "It is noted: a dripping kitchen tap, and a call back after four. Is there anything else?"
agent goodbye "Thank you for calling Cedar Plumbing. Goodbye."
agent hours "On Saturday we are open from eight until noon."

render slt "$clips/one_moment.ulaw" "One moment, please."
render slt "$clips/let_me_check.ulaw" "Let me check that."
