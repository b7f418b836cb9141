(function(){
var d=document,b=d.body,n=navigator;
function each(q,f){Array.prototype.forEach.call(d.querySelectorAll(q),f)}
function text(e){return e.getAttribute('data-copy')||e.textContent}
function old(t){var a=d.createElement('textarea');a.value=t;a.style.position='fixed';a.style.opacity=0;b.appendChild(a);a.select();var k=d.execCommand('copy');b.removeChild(a);return k}
each('.pick',function(e){
var c=d.createElement('button'),w=b.getAttribute('data-copy'),l=e.parentNode.parentNode.querySelector('dt').textContent;
c.type='button';c.textContent=w;c.setAttribute('aria-label',w+': '+l);c.setAttribute('aria-live','polite');
function done(){c.textContent='✓ '+b.getAttribute('data-copied');setTimeout(function(){c.textContent=w},2500)}
c.onclick=function(){var t=text(e);if(n.clipboard&&n.clipboard.writeText)n.clipboard.writeText(t).then(done,function(){old(t)&&done()});else if(old(t))done()};
e.parentNode.insertBefore(c,e.nextSibling)});
var p=location.pathname.replace(/\/$/,''),s=d.getElementById('share');
if(s&&window.fetch&&window.File&&n.canShare){try{
if(n.canShare({files:[new File([''],'qr.png',{type:'image/png'})]})){s.hidden=false;
s.querySelector('button').onclick=function(){fetch(p+'/qr.png').then(function(r){return r.blob()}).then(function(x){return n.share({files:[new File([x],'vietqr.png',{type:'image/png'})]})}).catch(function(){})}}}catch(x){}}
if(window.EventSource){var v=new EventSource(p+'/events?mark='+b.getAttribute('data-mark'));
v.addEventListener('changed',function(){v.close();var q=d.createElement('p');q.textContent=b.getAttribute('data-changed');d.getElementById('state').appendChild(q);location.reload()})}
})();
